import { graphFields, modelFields, tensorFields } from "./field-numbers.ts";
import { type GraphValue, readValue } from "./graph-value.ts";
import type { Field, ModelReader, Span } from "./model-reader.ts";

/** The parts of a model's file that describe its inputs and outputs, and their positions. */
export interface GraphOutline {
  /** Fields of the model, apart from its graph. */
  readonly around: readonly Field[];
  readonly hasDefaultOpset: boolean;
  /** The content of the graph. */
  readonly graph: Span;
  readonly inputs: readonly GraphValue[];
  readonly outputs: readonly GraphValue[];
  /** Initializers that are also inputs, by name. */
  readonly initialized: ReadonlyMap<string, Field>;
  /** Whether a run may override such inputs. */
  readonly mayOverride: boolean;
}

/** From this format version on, an initializer that is also an input may be overridden. Before, every
 *  initializer had to be an input. */
const overridableFrom = 4;

/** Undefined for a file without exactly one graph, which the engine will explain. */
export function readOutline(reader: ModelReader): GraphOutline | undefined {
  const around: Field[] = [];
  const graphs: Field[] = [];
  let irVersion = 0;
  let hasDefaultOpset = false;
  for (const field of reader.fields(0, reader.sizeBytes)) {
    if (field.number === modelFields.graph) graphs.push(field);
    else around.push(field);
    if (field.number === modelFields.irVersion) irVersion = field.value;
    if (field.number === modelFields.opsetImport) {
      hasDefaultOpset ||= isDefaultDomain(domainOf(reader, field));
    }
  }
  const [graph, ...others] = graphs;
  if (graph === undefined || others.length > 0) return undefined;
  const inputs: GraphValue[] = [];
  const outputs: GraphValue[] = [];
  const initializers: Field[] = [];
  for (const field of reader.fields(graph.content, graph.end)) {
    if (field.number === graphFields.input) inputs.push(readValue(reader, field));
    else if (field.number === graphFields.output) outputs.push(readValue(reader, field));
    else if (field.number === graphFields.initializer) initializers.push(field);
  }
  return {
    around,
    hasDefaultOpset,
    graph: { start: graph.content, end: graph.end },
    inputs,
    outputs,
    initialized: findInitialized(reader, initializers, inputs),
    mayOverride: irVersion >= overridableFrom,
  };
}

export function isDefaultDomain(domain: string): boolean {
  return domain === "" || domain === "ai.onnx";
}

function domainOf(reader: ModelReader, opset: Field): string {
  for (const field of reader.fields(opset.content, opset.end)) {
    if (field.number === 1) return reader.text(field);
  }
  return "";
}

function findInitialized(
  reader: ModelReader,
  initializers: readonly Field[],
  inputs: readonly GraphValue[],
): ReadonlyMap<string, Field> {
  const found = new Map<string, Field>();
  if (inputs.length === 0) return found;
  const names = new Set(inputs.map(({ name }) => name));
  for (const initializer of initializers) {
    for (const field of reader.fields(initializer.content, initializer.end)) {
      if (field.number !== tensorFields.name) continue;
      const name = reader.text(field);
      if (names.has(name)) found.set(name, initializer);
      break;
    }
  }
  return found;
}

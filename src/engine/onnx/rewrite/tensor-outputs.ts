import type { RuntimeError } from "../../../base/errors.ts";
import { readClasses } from "./class-labels.ts";
import type { GraphEdits } from "./graph-edits.ts";
import { newValue } from "./graph-edits.ts";
import { type GraphNode, newNode } from "./graph-node.ts";
import { type GraphOutline, isDefaultDomain } from "./graph-outline.ts";
import { describeType, type GraphValue, type ValueType } from "./graph-value.ts";
import type { ModelReader } from "./model-reader.ts";
import type { Piece } from "./pieces.ts";
import { findProducers, type Producer } from "./producers.ts";
import { ServingRefusal } from "./serving-refusal.ts";

/** One tensor of an output that is not a tensor itself. */
export interface TensorOutput {
  readonly name: string;
  /** TensorProto.DataType number. */
  readonly datatype: number;
  /** Its number of columns, if it has rows of them. */
  readonly columns?: number;
  /** For the model's metadata. */
  readonly parameters?: Readonly<Record<string, string>>;
}

const float = 1;
const double = 11;

/** Replaces outputs that are sequences, maps or optional values by the tensors that they are made of, where
 *  these exist in the graph:
 *
 *  - ZipMap makes a map of class labels to scores for each row: the output becomes the scores.
 *  - SequenceConstruct makes a list of tensors: each becomes an output, `name_0`, `name_1` and so on.
 *  - Optional wraps a tensor: the output becomes that.
 *
 *  Returns a description of the new outputs, by name. Throws RuntimeError "invalid-argument" with the name of
 *  an output that is made in another way. */
export function replaceOutputs(
  reader: ModelReader,
  outline: GraphOutline,
  edits: GraphEdits,
): ReadonlyMap<string, TensorOutput> {
  const replaced = new Map<string, TensorOutput>();
  const others = outline.outputs.filter(({ type }) => type.tag !== "tensor");
  if (others.length === 0) return replaced;
  const producers = findProducers(reader, outline);
  const taken = new Set([...producers.keys(), ...outline.inputs.map(({ name }) => name)]);
  for (const output of others) {
    const first = producers.get(output.name);
    const sources = first && sourcesOf(reader, { output, producers, taken });
    if (first === undefined || sources === undefined) {
      // The file need not give an output's type: the engine infers it.
      if (output.type.tag === "value of no type") continue;
      throw refusal(output, first?.node);
    }
    const nodes: Piece[] = sources.map(({ from, to, isCast }) =>
      // Whatever type the scores have, they get the one that the map was declared with.
      isCast
        ? newNode("Cast", from, { to: to.name, ints: { to: to.datatype } })
        : newNode("Identity", from, { to: to.name }),
    );
    edits.replace(first.field, []);
    edits.addNodes(nodes);
    edits.replace(
      output.field,
      sources.map(({ to }) => newValue("output", to)),
    );
    edits.retype(output.name);
    for (const { to } of sources) replaced.set(to.name, to);
  }
  return replaced;
}

interface Source {
  /** A value of the graph. */
  readonly from: string;
  readonly to: TensorOutput;
  readonly isCast?: true;
}

function sourcesOf(
  reader: ModelReader,
  {
    output,
    producers,
    taken,
  }: {
    readonly output: GraphValue;
    readonly producers: ReadonlyMap<string, Producer>;
    readonly taken: ReadonlySet<string>;
  },
): readonly Source[] | undefined {
  const { name, type } = output;
  const node = behindIdentities(name, producers);
  if (node === undefined) return undefined;
  const [from] = node.inputs;
  if (node.op === "ZipMap" && node.domain === "ai.onnx.ml" && from !== undefined) {
    const classes = readClasses(reader, node);
    if (classes.length === 0) return undefined;
    const parameters = { classes: JSON.stringify(classes) };
    const datatype = scoreType(type);
    return [{ from, to: { name, datatype, columns: classes.length, parameters }, isCast: true }];
  }
  if (!isDefaultDomain(node.domain) || !("of" in type) || type.of.tag !== "tensor")
    return undefined;
  const { datatype } = type.of;
  if (node.op === "Optional" && from !== undefined) return [{ from, to: { name, datatype } }];
  if (node.op !== "SequenceConstruct") return undefined;
  return node.inputs.map((from, at) => {
    let own = `${name}_${at}`;
    while (taken.has(own)) own += "_";
    return { from, to: { name: own, datatype, parameters: { sequence: name } } };
  });
}

/** Of the maps that ZipMap makes. The engine's have float32 only; exporters of float64 graphs declare others. */
function scoreType(type: ValueType): number {
  const isDouble = type.tag === "sequence" && type.of.tag === "map" && type.of.values === double;
  return isDouble ? double : float;
}

function behindIdentities(
  name: string,
  producers: ReadonlyMap<string, Producer>,
): GraphNode | undefined {
  let node = producers.get(name)?.node;
  // A cycle, which the engine refuses, must not hang us.
  for (let steps = 0; steps < producers.size; steps++) {
    if (node?.op !== "Identity" || !isDefaultDomain(node.domain)) return node;
    node = producers.get(node.inputs[0] ?? "")?.node;
  }
  return undefined;
}

function refusal({ name, type }: GraphValue, node: GraphNode | undefined): RuntimeError {
  const maker = node === undefined ? "" : ` made by ${node.op}`;
  return new ServingRefusal(
    "invalid-argument",
    `output '${name}' is ${describeType(type)}${maker}, but only tensors can be served: ` +
      "export the model so that the tensors themselves are its outputs",
  );
}

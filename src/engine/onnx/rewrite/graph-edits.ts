import {
  elementFields,
  graphFields,
  modelFields,
  typeFields,
  valueFields,
} from "./field-numbers.ts";
import type { GraphOutline } from "./graph-outline.ts";
import type { Field, ModelReader } from "./model-reader.ts";
import type { NodeChanges } from "./node-changes.ts";
import { append, integer, message, type Piece, text, write } from "./pieces.ts";

/** The changes to a model's graph. */
export class GraphEdits {
  readonly #replaced = new Map<number, readonly Piece[]>();
  readonly #added: Piece[] = [];
  /** Values whose types are no longer those described in the file. */
  readonly #retyped = new Set<string>();
  #needsOpset = false;

  /** `pieces`: fields of the graph. */
  replace(field: Field, pieces: readonly Piece[]): void {
    this.#replaced.set(field.start, pieces);
  }

  /** `pieces`: nodes of the default domain. */
  addNodes(pieces: readonly Piece[]): void {
    this.#added.push(...pieces);
    this.#needsOpset = true;
  }

  retype(name: string): void {
    this.#retyped.add(name);
  }

  /** The model with these changes; undefined if there are none. `changes`: to parts that are not replaced as
   *  a whole. */
  write(
    reader: ModelReader,
    outline: GraphOutline,
    changes?: NodeChanges,
  ): Uint8Array<ArrayBuffer> | undefined {
    let isChanged = this.#added.length > 0;
    const graph: Piece[] = [];
    for (const field of reader.fields(outline.graph.start, outline.graph.end)) {
      const pieces = this.#inPlaceOf(reader, field) ?? changes?.inGraph(field);
      isChanged ||= pieces !== undefined;
      for (const piece of pieces ?? [field]) append(graph, piece);
    }
    graph.push(...this.#added);
    const model: Piece[] = [];
    for (const field of outline.around) {
      const pieces = changes?.inFunction(field);
      isChanged ||= pieces !== undefined;
      model.push(...(pieces ?? [field]));
    }
    if (!isChanged) return undefined;
    model.push(message(modelFields.graph, graph));
    if (this.#needsOpset && !outline.hasDefaultOpset) {
      model.push(message(modelFields.opsetImport, [text(1, ""), integer(2, assumedOpset)]));
    }
    return write(model, reader);
  }

  #inPlaceOf(reader: ModelReader, field: Field): readonly Piece[] | undefined {
    const replaced = this.#replaced.get(field.start);
    if (replaced !== undefined) return replaced;
    const isStale =
      field.number === graphFields.valueInfo && this.#retyped.has(valueName(reader, field));
    return isStale ? [] : undefined;
  }
}

/** For models without operators of the default domain. */
const assumedOpset = 17;

/** An input or output of the graph: a tensor, of any shape if none is given. */
export function newValue(
  field: "input" | "output",
  value: {
    readonly name: string;
    /** TensorProto.DataType number. */
    readonly datatype: number;
    /** As a field of another tensor's type. */
    readonly shape?: Field | undefined;
  },
): Piece {
  const { name, datatype, shape } = value;
  const tensor = message(typeFields.tensor, [
    integer(elementFields.type, datatype),
    ...(shape === undefined ? [] : [shape]),
  ]);
  return message(graphFields[field], [
    text(valueFields.name, name),
    message(valueFields.type, [tensor]),
  ]);
}

function valueName(reader: ModelReader, value: Field): string {
  for (const field of reader.fields(value.content, value.end)) {
    if (field.number === valueFields.name) return reader.text(field);
  }
  return "";
}

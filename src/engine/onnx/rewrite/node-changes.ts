import {
  attributeFields,
  functionFields,
  graphFields,
  modelFields,
  nodeFields,
  tensorFields,
} from "./field-numbers.ts";
import { attributeName } from "./graph-node.ts";
import type { Field, ModelReader } from "./model-reader.ts";
import { append, bytes, message, type Piece } from "./pieces.ts";

/** Changes that apply everywhere: in the graph, in nodes' subgraphs, and in functions. */
export interface NodeRules {
  /** Replaces a text, a tensor's elements or an attribute; undefined keeps it. */
  readonly text?: ((text: Buffer) => Uint8Array | undefined) | undefined;
  /** Replaces an attribute of the node; undefined keeps it. */
  readonly attribute?: ((node: Field, name: string) => Piece | undefined) | undefined;
  /** Attributes to add to the node. */
  readonly addAttributes?: ((node: Field) => readonly Piece[]) | undefined;
}

type MessageKind = "graph" | "function" | "node" | "attribute" | "tensor";

/** The fields of a message that hold other messages, and those that hold texts. */
const fieldsOf: Readonly<
  Record<
    MessageKind,
    { readonly inner: Readonly<Record<number, MessageKind>>; readonly texts: readonly number[] }
  >
> = {
  graph: { inner: { [graphFields.node]: "node", [graphFields.initializer]: "tensor" }, texts: [] },
  function: {
    inner: { [functionFields.node]: "node", [functionFields.attribute]: "attribute" },
    texts: [],
  },
  node: { inner: { [nodeFields.attribute]: "attribute" }, texts: [] },
  attribute: {
    inner: {
      [attributeFields.tensor]: "tensor",
      [attributeFields.tensors]: "tensor",
      [attributeFields.graph]: "graph",
      [attributeFields.graphs]: "graph",
    },
    texts: [attributeFields.text, attributeFields.texts],
  },
  tensor: { inner: {}, texts: [tensorFields.text] },
};

/** Applies rules to the parts of a model. */
export class NodeChanges {
  readonly #reader: ModelReader;
  readonly #rules: NodeRules;

  constructor(reader: ModelReader, rules: NodeRules) {
    this.#reader = reader;
    this.#rules = rules;
  }

  /** Replaces `field` of the graph; undefined keeps it. */
  inGraph(field: Field): readonly Piece[] | undefined {
    return this.#inside("graph", field);
  }

  /** For a field of the model: replaces a function. */
  inFunction(field: Field): readonly Piece[] | undefined {
    return field.number === modelFields.function ? this.#changed("function", field) : undefined;
  }

  /** For a field of a message of this kind. */
  #inside(kind: MessageKind, field: Field): readonly Piece[] | undefined {
    const { inner, texts } = fieldsOf[kind];
    const next = inner[field.number];
    if (next !== undefined) return this.#changed(next, field);
    if (this.#rules.text === undefined || !texts.includes(field.number)) return undefined;
    const text = this.#rules.text(this.#reader.bytes(field.content, field.end));
    return text === undefined ? undefined : [bytes(field.number, text)];
  }

  /** For a message of this kind. */
  #changed(kind: MessageKind, outer: Field): readonly Piece[] | undefined {
    const pieces: Piece[] = [];
    let isChanged = false;
    for (const field of this.#reader.fields(outer.content, outer.end)) {
      const changed = this.#ofNode(kind, outer, field) ?? this.#inside(kind, field);
      isChanged ||= changed !== undefined;
      for (const piece of changed ?? [field]) append(pieces, piece);
    }
    if (kind === "node") {
      const added = this.#rules.addAttributes?.(outer) ?? [];
      pieces.push(...added);
      isChanged ||= added.length > 0;
    }
    return isChanged ? [message(outer.number, pieces)] : undefined;
  }

  #ofNode(kind: MessageKind, node: Field, field: Field): readonly Piece[] | undefined {
    const { attribute } = this.#rules;
    if (kind !== "node" || field.number !== nodeFields.attribute || attribute === undefined) {
      return undefined;
    }
    const changed = attribute(node, attributeName(this.#reader, field));
    return changed === undefined ? undefined : [changed];
  }
}

import { attributeFields, attributeTypes, nodeFields } from "./field-numbers.ts";
import type { Field, ModelReader } from "./model-reader.ts";
import { integer, message, type Piece, text } from "./pieces.ts";

/** A node of a graph, with its attributes by their positions in the file. */
export interface GraphNode {
  readonly op: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, Field>;
}

export function readNode(reader: ModelReader, node: Field): GraphNode {
  const inputs: string[] = [];
  const outputs: string[] = [];
  const attributes = new Map<string, Field>();
  let op = "";
  let domain = "";
  for (const field of reader.fields(node.content, node.end)) {
    if (field.number === nodeFields.input) inputs.push(reader.text(field));
    else if (field.number === nodeFields.output) outputs.push(reader.text(field));
    else if (field.number === nodeFields.op) op = reader.text(field);
    else if (field.number === nodeFields.domain) domain = reader.text(field);
    else if (field.number === nodeFields.attribute) {
      attributes.set(attributeName(reader, field), field);
    }
  }
  return { op, domain, inputs, outputs, attributes };
}

/** As a field of a graph; in the default domain. `ints`: its attributes. */
export function newNode(
  op: string,
  from: string,
  { to, ints = {} }: { to: string; ints?: Readonly<Record<string, number>> },
): Piece {
  const attributes = Object.entries(ints).map(([name, value]) =>
    message(nodeFields.attribute, [
      text(attributeFields.name, name),
      integer(attributeFields.int, value),
      integer(attributeFields.type, attributeTypes.int),
    ]),
  );
  return message(1, [
    text(nodeFields.input, from),
    text(nodeFields.output, to),
    text(nodeFields.op, op),
    ...attributes,
  ]);
}

/** As a field of a node. */
export function textAttribute(name: string, value: string): Piece {
  return message(nodeFields.attribute, [
    text(attributeFields.name, name),
    text(attributeFields.text, value),
    integer(attributeFields.type, attributeTypes.text),
  ]);
}

export function attributeName(reader: ModelReader, attribute: Field): string {
  for (const field of reader.fields(attribute.content, attribute.end)) {
    if (field.number === attributeFields.name) return reader.text(field);
  }
  return "";
}

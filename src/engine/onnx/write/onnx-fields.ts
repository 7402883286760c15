import { type ElementType, elementTypes, type StoredTensor, type Tensor } from "./graph-tensor.ts";
import {
  bytes,
  float32,
  integer,
  integers,
  message,
  nested,
  type Pieces,
  text,
} from "./protobuf-message.ts";

// The messages of onnx.proto that a model consists of, with their field numbers.

export type Attribute =
  | { readonly int: number }
  | { readonly float: number }
  | { readonly string: string }
  | { readonly ints: ArrayLike<number> }
  | { readonly floats: ArrayLike<number> }
  | { readonly strings: readonly string[] }
  | { readonly tensor: Tensor };

/** TensorProto.DataLocation. */
const externalData = 1;

/** A dimension: a size, or the name of one that differs between requests. */
export type Dimension = number | string;

export interface NodeDraft {
  readonly op: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

export interface EdgeDraft {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly Dimension[];
}

/** TensorProto. */
export function tensorFields(name: string, { type, shape, values }: Tensor): Pieces {
  const head = [integers(1, shape), integer(2, elementTypes[type])];
  if (name !== "") head.push(text(8, name));
  if (!ArrayBuffer.isView(values))
    return message([...head, ...values.map((value) => text(6, value))]);
  const raw = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return message([...head, bytes(9, raw)]);
}

/** TensorProto of a tensor whose elements are elsewhere. */
export function storedTensorFields(name: string, tensor: StoredTensor): Pieces {
  const { type, shape, location, offset, length } = tensor;
  const place = { location, offset: String(offset), length: String(length) };
  return message([
    integers(1, shape),
    integer(2, elementTypes[type]),
    text(8, name),
    ...Object.entries(place).map((entry) => nested(13, entryFields(...entry))),
    integer(14, externalData),
  ]);
}

/** NodeProto. */
export function nodeFields(node: NodeDraft): Pieces {
  return message([
    ...node.inputs.map((name) => text(1, name)),
    ...node.outputs.map((name) => text(2, name)),
    text(4, node.op),
    ...Object.entries(node.attributes).map(([name, value]) =>
      nested(5, attributeFields(name, value)),
    ),
    ...(node.domain === "" ? [] : [text(7, node.domain)]),
  ]);
}

/** ValueInfoProto. */
export function edgeFields({ name, type, shape }: EdgeDraft): Pieces {
  const dimensions = shape.map((size) =>
    nested(1, typeof size === "number" ? integer(1, size) : text(2, size)),
  );
  const tensor = message([integer(1, elementTypes[type]), nested(2, message(dimensions))]);
  return message([text(1, name), nested(2, nested(1, tensor))]);
}

/** StringStringEntryProto. */
export function entryFields(key: string, value: string): Pieces {
  return message([text(1, key), text(2, value)]);
}

/** OperatorSetIdProto. */
export function operatorSetFields(domain: string, version: number): Pieces {
  return message([text(1, domain), integer(2, version)]);
}

/** AttributeProto: name, value, and in field 20 which of its fields holds the value. */
function attributeFields(name: string, attribute: Attribute): Pieces {
  const of = (type: number, ...fields: Pieces[]) =>
    message([text(1, name), ...fields, integer(20, type)]);
  if ("float" in attribute) return of(1, float32(2, attribute.float));
  if ("int" in attribute) return of(2, integer(3, attribute.int));
  if ("string" in attribute) return of(3, text(4, attribute.string));
  if ("tensor" in attribute) return of(4, nested(5, tensorFields("", attribute.tensor)));
  if ("floats" in attribute) {
    const values = Float32Array.from(attribute.floats);
    return of(6, bytes(7, new Uint8Array(values.buffer)));
  }
  if ("ints" in attribute) return of(7, integers(8, attribute.ints));
  return of(8, ...attribute.strings.map((value) => text(9, value)));
}

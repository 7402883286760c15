import { elementFields, mapFields, typeFields, valueFields } from "./field-numbers.ts";
import type { Field, ModelReader } from "./model-reader.ts";

/** The type of a graph's input or output. */
export type ValueType =
  | {
      readonly tag: "tensor";
      /** TensorProto.DataType number. */
      readonly datatype: number;
      /** Undefined if not even the rank is given. */
      readonly shape: Field | undefined;
    }
  | { readonly tag: "sequence" | "optional"; readonly of: ValueType }
  | {
      readonly tag: "map";
      /** TensorProto.DataType number of its values; 0 if they are no tensors. */
      readonly values: number;
    }
  | { readonly tag: "sparse tensor" | "value of no type" };

export interface GraphValue {
  readonly name: string;
  readonly type: ValueType;
  /** Its position in the graph. */
  readonly field: Field;
}

/** `field`: a ValueInfoProto. */
export function readValue(reader: ModelReader, field: Field): GraphValue {
  let name = "";
  let type: ValueType = { tag: "value of no type" };
  for (const part of reader.fields(field.content, field.end)) {
    if (part.number === valueFields.name) name = reader.text(part);
    else if (part.number === valueFields.type) type = readType(reader, part);
  }
  return { name, type, field };
}

/** As in "a sequence of maps". */
export function describeType(type: ValueType): string {
  if (type.tag === "sequence") return `a sequence of ${plural(type.of)}`;
  if (type.tag === "optional") return `an optional ${type.of.tag}`;
  return `a ${type.tag}`;
}

function plural(type: ValueType): string {
  return type.tag === "optional" ? "optional values" : `${type.tag}s`;
}

function readType(reader: ModelReader, type: Field): ValueType {
  for (const part of reader.fields(type.content, type.end)) {
    switch (part.number) {
      case typeFields.tensor:
        return readTensorType(reader, part);
      case typeFields.sequence:
      case typeFields.optional: {
        const tag = part.number === typeFields.sequence ? "sequence" : "optional";
        return { tag, of: readElementType(reader, part) };
      }
      case typeFields.map:
        return { tag: "map", values: readMapValues(reader, part) };
      case typeFields.sparseTensor:
        return { tag: "sparse tensor" };
    }
  }
  return { tag: "value of no type" };
}

function readTensorType(reader: ModelReader, tensor: Field): ValueType {
  let datatype = 0;
  let shape: Field | undefined;
  for (const part of reader.fields(tensor.content, tensor.end)) {
    if (part.number === elementFields.type) datatype = part.value;
    else if (part.number === elementFields.shape) shape = part;
  }
  return { tag: "tensor", datatype, shape };
}

function readMapValues(reader: ModelReader, map: Field): number {
  for (const part of reader.fields(map.content, map.end)) {
    if (part.number !== mapFields.values) continue;
    const type = readType(reader, part);
    if (type.tag === "tensor") return type.datatype;
  }
  return 0;
}

function readElementType(reader: ModelReader, outer: Field): ValueType {
  for (const part of reader.fields(outer.content, outer.end)) {
    if (part.number === elementFields.type) return readType(reader, part);
  }
  return { tag: "value of no type" };
}

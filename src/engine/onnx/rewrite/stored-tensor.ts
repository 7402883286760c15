import { packElements } from "../../../base/bytes-elements.ts";
import { elementBytes, elementCount, type Tensor } from "../../../base/tensor.ts";
import { datatypeOf } from "../types/element-types.ts";
import { narrowType } from "../types/narrow-types.ts";
import { tensorFields } from "./field-numbers.ts";
import type { Field, ModelReader } from "./model-reader.ts";
import { readIntegers } from "./read-integers.ts";

interface StoredParts {
  datatype: number;
  readonly shape: number[];
  readonly texts: Buffer[];
  readonly integers: bigint[];
  /** From floats, doubles, or raw data. */
  readonly bytes: Buffer[];
  isExternal: boolean;
}

const external = 1;

/** A tensor from the file: undefined if its values are in another file, have a datatype that the protocol
 *  lacks, or do not match its shape. */
export function readStoredTensor(
  reader: ModelReader,
  name: string,
  field: Field,
): Tensor | undefined {
  const { datatype: number, shape, texts, integers, bytes, isExternal } = readParts(reader, field);
  const narrow = narrowType(number);
  const datatype = datatypeOf(number) ?? (narrow?.isPlain ? narrow.datatype : undefined);
  if (datatype === undefined || isExternal) return undefined;
  const size = elementBytes[datatype];
  const count = elementCount(shape, `initializer '${name}'`);
  if (size === undefined) {
    const data = packElements(texts);
    // The binding would cut a text at a NUL.
    return texts.length === count && !texts.some((text) => text.includes(0))
      ? { name, datatype, shape, data }
      : undefined;
  }
  const data = Buffer.allocUnsafeSlow(count * size);
  if (integers.length > 0) {
    if (integers.length !== count) return undefined;
    for (const [at, value] of integers.entries()) {
      writeInteger(data, { value, offset: at * size, size });
    }
    return { name, datatype, shape, data };
  }
  const all = Buffer.concat(bytes);
  if (all.byteLength !== data.byteLength) return undefined;
  // Into a new buffer, which starts at a multiple of every element size.
  all.copy(data);
  return { name, datatype, shape, data };
}

function readParts(reader: ModelReader, tensor: Field): StoredParts {
  const parts: StoredParts = {
    datatype: 0,
    shape: [],
    texts: [],
    integers: [],
    bytes: [],
    isExternal: false,
  };
  for (const field of reader.fields(tensor.content, tensor.end)) {
    switch (field.number) {
      case tensorFields.dimension:
        parts.shape.push(...readIntegers(reader, field).map(Number));
        break;
      case tensorFields.datatype:
        parts.datatype = field.value;
        break;
      case tensorFields.text:
        parts.texts.push(reader.bytes(field.content, field.end));
        break;
      case tensorFields.int32:
      case tensorFields.int64:
      case tensorFields.uint64:
        for (const value of readIntegers(reader, field)) parts.integers.push(value);
        break;
      case tensorFields.float:
      case tensorFields.double:
      case tensorFields.raw:
        parts.bytes.push(reader.bytes(field.content, field.end));
        break;
      case tensorFields.location:
        parts.isExternal = field.value === external;
    }
  }
  return parts;
}

/** The lowest bytes: elements narrower than their field are stored there, FP16 as its bits. */
function writeInteger(
  data: Buffer,
  {
    value,
    offset,
    size,
  }: { readonly value: bigint; readonly offset: number; readonly size: number },
): void {
  let rest = BigInt.asUintN(64, value);
  for (let at = 0; at < size; at++) {
    data[offset + at] = Number(rest & 0xffn);
    rest >>= 8n;
  }
}

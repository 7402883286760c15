import { alignedView } from "../../base/aligned-view.ts";
import { elementEnd, elementView, lengthBytes } from "../../base/bytes-elements.ts";
import type { Datatype, Tensor } from "../../base/tensor.ts";
import { varintBytes } from "./wire-writer.ts";

/** The content of an InferTensorContents message: one packed field, or fields that include their tags, in pieces. */
export type PackedContents =
  | { readonly tag: "packed"; readonly field: number; readonly data: Uint8Array }
  | { readonly tag: "repeated"; readonly pieces: readonly Uint8Array[] };

type Pack = (data: Uint8Array) => PackedContents;

const bytesTag = 8 * 8 + 2;
/** To copy more would take longer than a chunk of its own. */
const longBytes = 64 * 1024;

// Total on purpose, as the table of forms is. FP16 and BF16 have no typed form.
const packings: Record<Datatype, Pack | undefined> = {
  BOOL: (data) => packed(1, packBools(data)),
  INT8: (data) => packed(2, packVarint32(alignedView(data, Int8Array))),
  INT16: (data) => packed(2, packVarint32(alignedView(data, Int16Array))),
  INT32: (data) => packed(2, packVarint32(alignedView(data, Int32Array))),
  INT64: (data) => packed(3, packVarint64(data)),
  UINT8: (data) => packed(4, packVarint32(data)),
  UINT16: (data) => packed(4, packVarint32(alignedView(data, Uint16Array))),
  UINT32: (data) => packed(4, packVarint32(alignedView(data, Uint32Array))),
  UINT64: (data) => packed(5, packVarint64(data)),
  FP16: undefined,
  BF16: undefined,
  FP32: (data) => packed(6, data),
  FP64: (data) => packed(7, data),
  BYTES: (data) => ({ tag: "repeated", pieces: packByteFields(data) }),
};

/** The typed form of a tensor that has one; floats are the tensor's own bytes. */
export function packContents({ datatype, data }: Tensor): PackedContents {
  const pack = packings[datatype];
  if (pack === undefined) throw new Error(`${datatype} has no typed form`);
  return pack(data);
}

function packed(field: number, data: Uint8Array): PackedContents {
  return { tag: "packed", field, data };
}

function packBools(data: Uint8Array): Uint8Array {
  return data.every((byte) => byte <= 1) ? data : data.map((byte) => (byte === 0 ? 0 : 1));
}

function packVarint32(elements: ArrayLike<number>): Uint8Array {
  let sizeBytes = 0;
  for (let index = 0; index < elements.length; index++) {
    const value = elements[index] as number;
    // Negative values are written with 64 bits.
    sizeBytes += value < 0 ? 10 : varintBytes(value);
  }
  const bytes = new Uint8Array(sizeBytes);
  let position = 0;
  for (let index = 0; index < elements.length; index++) {
    const value = elements[index] as number;
    let rest = value >>> 0;
    const tail = value < 0;
    for (; rest >= 0x80; rest >>>= 7) bytes[position++] = rest | 0x80;
    if (!tail) {
      bytes[position++] = rest;
      continue;
    }
    // `rest` has the upper 4 of 32 bits; the 32 bits above them are ones.
    bytes[position++] = rest | 0xf0;
    bytes.fill(0xff, position, position + 4);
    position += 4;
    bytes[position++] = 0x01;
  }
  return bytes;
}

function packVarint64(data: Uint8Array): Uint8Array {
  // Halves of 32 bits, little-endian: a BigInt per element would cost more than everything else.
  const halves = alignedView(data, Uint32Array);
  let sizeBytes = 0;
  for (let index = 0; index < halves.length; index += 2) {
    sizeBytes += varint64Bytes(halves[index] as number, halves[index + 1] as number);
  }
  const bytes = new Uint8Array(sizeBytes);
  let position = 0;
  for (let index = 0; index < halves.length; index += 2) {
    let low = halves[index] as number;
    let high = halves[index + 1] as number;
    while (high > 0 || low >= 0x80) {
      bytes[position++] = low | 0x80;
      low = ((low >>> 7) | (high << 25)) >>> 0;
      high >>>= 7;
    }
    bytes[position++] = low;
  }
  return bytes;
}

function varint64Bytes(low: number, high: number): number {
  if (high === 0) return varintBytes(low);
  // The first four bytes take 28 bits, the fifth 4 of `low` and 3 of `high`.
  const rest = high >>> 3;
  if (rest === 0) return 5;
  return rest < 2 ** 28 ? 5 + varintBytes(rest) : 10;
}

/** From elements that each start with their length as uint32. Contents of long ones are views of `data`. */
function packByteFields(data: Uint8Array): Uint8Array[] {
  const view = elementView(data);
  let sizeBytes = 0;
  for (let offset = 0; offset < data.length; ) {
    const end = elementEnd(view, offset);
    const length = end - offset - lengthBytes;
    sizeBytes += 1 + varintBytes(length) + (length > longBytes ? 0 : length);
    offset = end;
  }
  const bytes = new Uint8Array(sizeBytes);
  const pieces: Uint8Array[] = [];
  let start = 0;
  let position = 0;
  for (let offset = 0; offset < data.length; ) {
    const end = elementEnd(view, offset);
    const content = data.subarray(offset + lengthBytes, end);
    const { length } = content;
    bytes[position++] = bytesTag;
    let rest = length;
    for (; rest >= 0x80; rest >>>= 7) bytes[position++] = rest | 0x80;
    bytes[position++] = rest;
    if (length > longBytes) {
      pieces.push(bytes.subarray(start, position), content);
      start = position;
    } else {
      bytes.set(content, position);
      position += length;
    }
    offset = end;
  }
  if (start < position) pieces.push(bytes.subarray(start));
  return pieces;
}

import { irregular, type WireReader } from "./wire-reader.ts";

// Decodes packed repeated fields straight into typed arrays. Each function reads from the reader's position to
// `end` and leaves it there; all throw `irregular` if an element does not end there. Typed arrays have the
// machine's byte order, which is little-endian on every platform that ONNX Runtime supports.

const maxVarintBytes = 10;

type Array32 = Int32ArrayConstructor | Uint32ArrayConstructor;
type Array64 = BigInt64ArrayConstructor | BigUint64ArrayConstructor;
type FloatArray = Float32ArrayConstructor | Float64ArrayConstructor;

/** int32 or uint32: the low 32 bits of each varint. */
export function readPacked32<Type extends Array32>(
  reader: WireReader,
  end: number,
  type: Type,
): InstanceType<Type> {
  const { bytes } = reader;
  const elements = new type(countVarints(reader, end));
  let position = reader.position;
  for (let index = 0; index < elements.length; index++) {
    let byte = bytes[position++] as number;
    let value = byte & 0x7f;
    for (let shift = 7; byte >= 0x80; shift += 7) {
      if (shift >= 7 * maxVarintBytes) throw irregular;
      byte = bytes[position++] as number;
      if (shift < 32) value |= (byte & 0x7f) << shift;
    }
    elements[index] = value;
  }
  reader.position = end;
  return elements as InstanceType<Type>;
}

/** int64 or uint64: the low 64 bits of each varint. */
export function readPacked64<Type extends Array64>(
  reader: WireReader,
  end: number,
  type: Type,
): InstanceType<Type> {
  const { bytes } = reader;
  const elements = new type(countVarints(reader, end));
  // Halves of 32 bits: a BigInt per element would cost more than everything else.
  const halves = new Uint32Array(elements.buffer);
  let position = reader.position;
  for (let index = 0; index < halves.length; index += 2) {
    let byte = bytes[position++] as number;
    let low = byte & 0x7f;
    let high = 0;
    for (let shift = 7; byte >= 0x80; shift += 7) {
      if (shift >= 7 * maxVarintBytes) throw irregular;
      byte = bytes[position++] as number;
      if (shift < 28) low |= (byte & 0x7f) << shift;
      else if (shift === 28) {
        low |= (byte & 0x0f) << 28;
        high = (byte & 0x7f) >> 4;
      } else high |= (byte & 0x7f) << (shift - 32);
    }
    halves[index] = low;
    halves[index + 1] = high;
  }
  reader.position = end;
  return elements as InstanceType<Type>;
}

/** One byte per element, 0 or 1. */
export function readPackedBools(reader: WireReader, end: number): Uint8Array {
  const elements = new Uint8Array(end - reader.position);
  for (let index = 0; index < elements.length; index++) {
    const byte = reader.bytes[reader.position + index] as number;
    if (byte >= 0x80) throw irregular;
    elements[index] = byte === 0 ? 0 : 1;
  }
  reader.position = end;
  return elements;
}

/** A view if the elements happen to be aligned, otherwise a copy. */
export function readPackedFloats<Type extends FloatArray>(
  reader: WireReader,
  end: number,
  type: Type,
): InstanceType<Type> {
  const { bytes, position } = reader;
  const size = type.BYTES_PER_ELEMENT;
  const length = (end - position) / size;
  if (!Number.isInteger(length)) throw irregular;
  reader.position = end;
  const offset = bytes.byteOffset + position;
  if (offset % size === 0)
    return new type(bytes.buffer as ArrayBuffer, offset, length) as InstanceType<Type>;
  const elements = new type(length);
  new Uint8Array(elements.buffer).set(bytes.subarray(position, end));
  return elements as InstanceType<Type>;
}

/** Counts this many bytes at a time, so that a list that is too long is refused before all of it was counted. */
const countedBytes = 64 * 1024;

function countVarints(reader: WireReader, end: number): number {
  const { bytes, position } = reader;
  if (position < end && (bytes[end - 1] as number) >= 0x80) throw irregular;
  let total = 0;
  for (let from = position; from < end; from += countedBytes) {
    const to = Math.min(end, from + countedBytes);
    let count = 0;
    for (let at = from; at < to; at++) if ((bytes[at] as number) < 0x80) count++;
    reader.onElements(count);
    total += count;
  }
  return total;
}

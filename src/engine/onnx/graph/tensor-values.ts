// The values of small tensors in an ONNX file, as JavaScript numbers.

type Read = (view: DataView, offset: number) => number;

interface ElementReader {
  readonly bytes: number;
  readonly read: Read;
}

/** Element layout in `raw_data`, little-endian, by TensorProto.DataType number. */
const raw: Readonly<Record<number, ElementReader>> = {
  1: { bytes: 4, read: (view, at) => view.getFloat32(at, true) },
  2: { bytes: 1, read: (view, at) => view.getUint8(at) },
  3: { bytes: 1, read: (view, at) => view.getInt8(at) },
  4: { bytes: 2, read: (view, at) => view.getUint16(at, true) },
  5: { bytes: 2, read: (view, at) => view.getInt16(at, true) },
  6: { bytes: 4, read: (view, at) => view.getInt32(at, true) },
  // Rounded beyond 2^53, which no size reaches.
  7: { bytes: 8, read: (view, at) => Number(view.getBigInt64(at, true)) },
  9: { bytes: 1, read: (view, at) => view.getUint8(at) },
  10: { bytes: 2, read: (view, at) => fromHalf(view.getUint16(at, true)) },
  11: { bytes: 8, read: (view, at) => view.getFloat64(at, true) },
  12: { bytes: 4, read: (view, at) => view.getUint32(at, true) },
  13: { bytes: 8, read: (view, at) => Number(view.getBigUint64(at, true)) },
  16: { bytes: 2, read: (view, at) => fromBrainFloat(view.getUint16(at, true)) },
};

const float16 = 10;
const bfloat16 = 16;

/** From `raw_data`; undefined for datatypes whose elements are not numbers, or not whole bytes. */
export function rawValues(datatype: number, bytes: Uint8Array): readonly number[] | undefined {
  const reader = raw[datatype];
  if (reader === undefined) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: Math.floor(bytes.byteLength / reader.bytes) }, (_, index) =>
    reader.read(view, index * reader.bytes),
  );
}

/** From packed `float_data` or `double_data`. */
export function packedValues(bytes: Uint8Array, isDouble: boolean): readonly number[] {
  return rawValues(isDouble ? 11 : 1, bytes) ?? [];
}

/** An integer from `int32_data`, which stores half-precision numbers as their bits. */
export function integerValue(datatype: number, integer: number): number {
  if (datatype === float16) return fromHalf(integer);
  return datatype === bfloat16 ? fromBrainFloat(integer) : integer;
}

function fromHalf(bits: number): number {
  const sign = (bits & 0x8000) === 0 ? 1 : -1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

function fromBrainFloat(bits: number): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint16(0, bits);
  return view.getFloat32(0);
}

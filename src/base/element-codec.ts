import { packElements, unpackElements } from "./bytes-elements.ts";

/** One element of a tensor: bigint for 64-bit integers, string for BYTES. */
export type Element = number | bigint | boolean | string;

interface NumberCodec {
  readonly bytes: number;
  write(view: DataView, at: number, value: Element): void;
  read(view: DataView, at: number): Element;
}

// Every multi-byte element is little-endian.
const fixed: Readonly<Record<string, NumberCodec>> = {
  BOOL: {
    bytes: 1,
    write: (view, at, value) => view.setUint8(at, value ? 1 : 0),
    read: (view, at) => view.getUint8(at) !== 0,
  },
  UINT8: integer(1, 0, 0xff, "Uint8"),
  UINT16: integer(2, 0, 0xffff, "Uint16"),
  UINT32: integer(4, 0, 0xffff_ffff, "Uint32"),
  INT8: integer(1, -0x80, 0x7f, "Int8"),
  INT16: integer(2, -0x8000, 0x7fff, "Int16"),
  INT32: integer(4, -0x8000_0000, 0x7fff_ffff, "Int32"),
  UINT64: {
    bytes: 8,
    write: (view, at, value) => view.setBigUint64(at, wide(value, 0n, 2n ** 64n - 1n), true),
    read: (view, at) => view.getBigUint64(at, true),
  },
  INT64: {
    bytes: 8,
    write: (view, at, value) =>
      view.setBigInt64(at, wide(value, -(2n ** 63n), 2n ** 63n - 1n), true),
    read: (view, at) => view.getBigInt64(at, true),
  },
  FP32: {
    bytes: 4,
    write: (view, at, value) => view.setFloat32(at, real(value), true),
    read: (view, at) => view.getFloat32(at, true),
  },
  FP64: {
    bytes: 8,
    write: (view, at, value) => view.setFloat64(at, real(value), true),
    read: (view, at) => view.getFloat64(at, true),
  },
  FP16: {
    bytes: 2,
    write: (view, at, value) => view.setUint16(at, toHalf(real(value)), true),
    read: (view, at) => fromHalf(view.getUint16(at, true)),
  },
  BF16: {
    bytes: 2,
    write: (view, at, value) => view.setUint16(at, toBrain(real(value)), true),
    read: (view, at) => fromBits(view.getUint16(at, true) * 0x1_0000),
  },
};

/** Bytes per element; undefined for BYTES, whose elements vary, and for unknown datatypes. */
export function elementBytes(datatype: string): number | undefined {
  return fixed[datatype]?.bytes;
}

/** Encodes elements as raw_input_contents carries them. Throws an Error whose message is for the user if one
 *  does not fit. */
export function encodeElements(datatype: string, elements: readonly Element[]): Uint8Array {
  if (datatype === "BYTES") return encodeTexts(elements);
  const codec = fixed[datatype];
  if (codec === undefined) throw new Error(`elements of ${datatype} are not known here`);
  const bytes = new Uint8Array(elements.length * codec.bytes);
  const view = new DataView(bytes.buffer);
  elements.forEach((element, index) => {
    codec.write(view, index * codec.bytes, element);
  });
  return bytes;
}

/** The reverse. Bytes of BYTES elements that are not UTF-8 become U+FFFD. */
export function decodeElements(datatype: string, bytes: Uint8Array): Element[] {
  if (datatype === "BYTES") return decodeTexts(bytes);
  const codec = fixed[datatype];
  if (codec === undefined) throw new Error(`elements of ${datatype} are not known here`);
  if (bytes.length % codec.bytes !== 0) {
    throw new Error(`${bytes.length} bytes are not a whole number of ${datatype} elements`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: bytes.length / codec.bytes }, (_, index) =>
    codec.read(view, index * codec.bytes),
  );
}

function encodeTexts(elements: readonly Element[]): Uint8Array {
  const encoder = new TextEncoder();
  return packElements(elements.map((element) => encoder.encode(String(element))));
}

function decodeTexts(bytes: Uint8Array): string[] {
  const decoder = new TextDecoder();
  return unpackElements(bytes).map((element) => decoder.decode(element));
}

function integer(
  bytes: number,
  min: number,
  max: number,
  kind: "Uint8" | "Uint16" | "Uint32" | "Int8" | "Int16" | "Int32",
): NumberCodec {
  return {
    bytes,
    write: (view, at, value) => {
      const number = real(value);
      if (!Number.isInteger(number) || number < min || number > max) {
        throw new Error(`${value} is not an integer from ${min} to ${max}`);
      }
      view[`set${kind}`](at, number, true);
    },
    read: (view, at) => view[`get${kind}`](at, true),
  };
}

function real(value: Element): number {
  if (typeof value === "number" || typeof value === "bigint") return Number(value);
  throw new Error(`${JSON.stringify(value)} is not a number`);
}

function wide(value: Element, min: bigint, max: bigint): bigint {
  const isWhole =
    typeof value === "bigint" || (typeof value === "number" && Number.isInteger(value));
  if (!isWhole) throw new Error(`${String(value)} is not an integer`);
  const integer = BigInt(value);
  if (integer < min || integer > max) throw new Error(`${integer} is out of range`);
  return integer;
}

function toHalf(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (Number.isNaN(value)) return 0x7e00;
  if (size >= 65_520) return sign | 0x7c00;
  const exponent = Math.max(-14, Math.floor(Math.log2(size || 1)));
  const step = 2 ** (exponent - 10);
  const steps = roundToEven(size / step);
  // Below 2^-14 there is no hidden bit, and the exponent field is 0; a carry moves into it by itself.
  return sign | (steps + (size < 2 ** -14 ? 0 : (exponent + 14) * 1024));
}

function roundToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

function toBrain(value: number): number {
  if (Number.isNaN(value)) return 0x7fc0;
  const view = new DataView(new ArrayBuffer(4));
  view.setFloat32(0, value);
  const bits = view.getUint32(0);
  // Rounds to even.
  return Math.floor((bits + 0x7fff + ((bits >>> 16) & 1)) / 0x1_0000) & 0xffff;
}

function fromBits(bits: number): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint32(0, bits);
  return view.getFloat32(0);
}

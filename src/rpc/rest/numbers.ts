import { alignedView, bytesOf } from "../../base/aligned-view.ts";
import { oddFloat } from "../../base/json-float.ts";
import type { Datatype } from "../../base/tensor.ts";
import { jsonInteger, jsonMinusZero } from "./json.ts";

// Converts JSON numbers to and from tensor bytes, in one pass each: a JSON tensor has millions of them, and
// the event loop waits. Typed arrays use the machine's byte order, which is little-endian wherever ONNX
// Runtime runs.

const arrays = {
  INT8: Int8Array,
  INT16: Int16Array,
  INT32: Int32Array,
  UINT8: Uint8Array,
  UINT16: Uint16Array,
  UINT32: Uint32Array,
  FP32: Float32Array,
  FP64: Float64Array,
} as const;

export type NumberDatatype = keyof typeof arrays;
export type LongDatatype = "INT64" | "UINT64";
/** Throws, about the element at `index`. */
export type Refuse = (index: number) => never;

const longRanges = {
  INT64: { least: -(2n ** 63n), most: 2n ** 63n - 1n },
  UINT64: { least: 0n, most: 2n ** 64n - 1n },
} as const;

export function isNumberDatatype(datatype: Datatype): datatype is NumberDatatype {
  return Object.hasOwn(arrays, datatype);
}

/** The bytes of `elements`; floats may be bigints, or what `oddFloat` knows. */
export function packNumbers(
  elements: readonly unknown[],
  datatype: NumberDatatype,
  refuse: Refuse,
): Uint8Array {
  const packed = new arrays[datatype](elements.length);
  const isFloat = datatype === "FP32" || datatype === "FP64";
  for (let index = 0; index < elements.length; index++) {
    const element = elements[index];
    const value = isFloat && typeof element === "bigint" ? Number(element) : element;
    if (typeof value !== "number") {
      packed[index] = (isFloat ? oddFloat(value) : undefined) ?? refuse(index);
      continue;
    }
    packed[index] = value;
    // Values out of range became infinite or another integer.
    if (isFloat ? !Number.isFinite(packed[index]) : packed[index] !== value) refuse(index);
  }
  return bytesOf(packed);
}

/** The bytes of `elements`, which are safe integers or bigints. */
export function packLongs(
  elements: readonly unknown[],
  datatype: LongDatatype,
  refuse: Refuse,
): Uint8Array {
  const { least, most } = longRanges[datatype];
  const packed = new BigInt64Array(elements.length);
  // A bigint for each small integer would cost most of the time.
  const halves = new Int32Array(packed.buffer);
  for (let index = 0; index < elements.length; index++) {
    const element = elements[index];
    if (typeof element === "bigint") {
      if (element < least || element > most) refuse(index);
      packed[index] = element;
    } else {
      // An integer beyond 2^53 is a bigint, unless it had a fraction or an exponent, and was rounded.
      if (!Number.isSafeInteger(element)) refuse(index);
      const value = element as number;
      if (value < 0 && datatype === "UINT64") refuse(index);
      halves[2 * index] = value;
      halves[2 * index + 1] = Math.floor(value / 2 ** 32);
    }
  }
  return bytesOf(packed);
}

export function packBooleans(elements: readonly unknown[], refuse: Refuse): Uint8Array {
  const packed = new Uint8Array(elements.length);
  for (let index = 0; index < elements.length; index++) {
    const element = elements[index];
    if (typeof element !== "boolean") refuse(index);
    packed[index] = Number(element);
  }
  return packed;
}

/** Elements for `writeJson`. */
export function unpackNumbers(data: Uint8Array, datatype: NumberDatatype): unknown[] {
  const type = arrays[datatype];
  const packed = alignedView<ArrayLike<number>>(data, type);
  const elements: unknown[] = [];
  for (let index = 0; index < packed.length; index++) {
    const value = packed[index];
    elements.push(Object.is(value, -0) ? jsonMinusZero : value);
  }
  return elements;
}

/** Elements for `writeJson`. */
export function unpackLongs(data: Uint8Array, datatype: LongDatatype): unknown[] {
  const wide = alignedView(data, BigInt64Array);
  const high = datatype === "INT64" ? Int32Array : Uint32Array;
  const lowHalves = new Uint32Array(wide.buffer, wide.byteOffset, 2 * wide.length);
  const highHalves = new high(wide.buffer, wide.byteOffset, 2 * wide.length);
  const elements: unknown[] = [];
  for (let index = 0; index < wide.length; index++) {
    const value = (highHalves[2 * index + 1] ?? 0) * 2 ** 32 + (lowHalves[2 * index] ?? 0);
    if (Number.isSafeInteger(value)) {
      elements.push(value);
    } else {
      const exact = wide[index] ?? 0n;
      elements.push(jsonInteger(datatype === "INT64" ? exact : BigInt.asUintN(64, exact)));
    }
  }
  return elements;
}

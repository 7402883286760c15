import { alignedView } from "../../base/aligned-view.ts";
import { decodeElements } from "../../base/element-codec.ts";
import type { Datatype, Tensor } from "../../base/tensor.ts";

type FloatDatatype = "FP32" | "FP64";

const floats = { FP32: Float32Array, FP64: Float64Array } as const;

/** Typed arrays use the machine's byte order, which is little-endian wherever ONNX Runtime runs. */
const numbersOf: Readonly<Partial<Record<Datatype, (data: Uint8Array) => Iterable<number>>>> = {
  BOOL: (data) => data,
  UINT8: (data) => data,
  INT8: (data) => alignedView(data, Int8Array),
  INT16: (data) => alignedView(data, Int16Array),
  UINT16: (data) => alignedView(data, Uint16Array),
  INT32: (data) => alignedView(data, Int32Array),
  UINT32: (data) => alignedView(data, Uint32Array),
  FP32: (data) => alignedView(data, Float32Array),
  FP64: (data) => alignedView(data, Float64Array),
  // Half-precision types widen exactly.
  FP16: (data) => decodeElements("FP16", data) as number[],
  BF16: (data) => decodeElements("BF16", data) as number[],
};
const longsOf: Readonly<Partial<Record<Datatype, (data: Uint8Array) => Iterable<bigint>>>> = {
  INT64: (data) => alignedView(data, BigInt64Array),
  UINT64: (data) => alignedView(data, BigUint64Array),
};

/** Whether `convertTensor` makes a `to` of a `from`. */
export function isConvertible(from: Datatype, to: Datatype): to is FloatDatatype {
  return Object.hasOwn(floats, to) && from !== "BYTES";
}

/** The same numbers in another type, each rounded once to the nearest, ties to even, as numpy's astype and C do: what
 *  the libraries do with such input themselves. Beyond the range they become infinite. The tensor's data must have
 *  the size that its shape says. */
export function convertTensor(tensor: Tensor, datatype: FloatDatatype): Tensor {
  const { data } = tensor;
  const { buffer, byteOffset, byteLength } = convert(tensor.datatype, data, floats[datatype]);
  return { ...tensor, datatype, data: new Uint8Array(buffer, byteOffset, byteLength) };
}

function convert(
  from: Datatype,
  data: Uint8Array,
  to: typeof Float32Array | typeof Float64Array,
): Float32Array | Float64Array {
  const longs = longsOf[from]?.(data);
  if (longs !== undefined) {
    return new to(Array.from(longs, to === Float32Array ? toSingle : Number));
  }
  return to.from(numbersOf[from]?.(data) ?? []);
}

const exactBits = 53;

/** The nearest single-precision number. Through the nearest double, a number halfway between two of them could end up
 *  on the wrong side: so what the double cannot hold is kept in its last bit, which is enough to decide. */
function toSingle(value: bigint): number {
  const near = Number(value);
  if (Number.isSafeInteger(near)) return near;
  const size = value < 0n ? -value : value;
  const shift = BigInt(size.toString(2).length - exactBits);
  if (shift <= 0n) return near;
  const top = size >> shift;
  const isExact = top << shift === size;
  const odd = Number(isExact ? top : top | 1n) * 2 ** Number(shift);
  return value < 0n ? -odd : odd;
}

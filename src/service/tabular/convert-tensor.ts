import { decodeElements } from "../../base/element-codec.ts";
import type { Datatype, Tensor } from "../../base/tensor.ts";

type FloatDatatype = "FP32" | "FP64";

const floats = { FP32: Float32Array, FP64: Float64Array } as const;

/** Typed arrays use the machine's byte order, which is little-endian wherever ONNX Runtime runs. */
const numbersOf: Readonly<Partial<Record<Datatype, (data: Uint8Array) => Iterable<number>>>> = {
  BOOL: (data) => data,
  UINT8: (data) => data,
  INT8: (data) => new Int8Array(...place(data, 1)),
  INT16: (data) => new Int16Array(...place(data, 2)),
  UINT16: (data) => new Uint16Array(...place(data, 2)),
  INT32: (data) => new Int32Array(...place(data, 4)),
  UINT32: (data) => new Uint32Array(...place(data, 4)),
  FP32: (data) => new Float32Array(...place(data, 4)),
  FP64: (data) => new Float64Array(...place(data, 8)),
  // Half-precision types widen exactly.
  FP16: (data) => decodeElements("FP16", data) as number[],
  BF16: (data) => decodeElements("BF16", data) as number[],
};
const longsOf: Readonly<Partial<Record<Datatype, (data: Uint8Array) => Iterable<bigint>>>> = {
  INT64: (data) => new BigInt64Array(...place(data, 8)),
  UINT64: (data) => new BigUint64Array(...place(data, 8)),
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

/** Typed arrays must be aligned, but a piece of a message may not be. */
function place(data: Uint8Array, size: number): [ArrayBuffer, number, number] {
  const { buffer, byteOffset, byteLength } = data.byteOffset % size === 0 ? data : data.slice();
  return [buffer as ArrayBuffer, byteOffset, byteLength / size];
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

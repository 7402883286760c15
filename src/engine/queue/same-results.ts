import type { Datatype } from "../../base/tensor.ts";
import type { IndexedTensor } from "../wire/host-protocol.ts";

/** How much rounding may change between a single run and a joined one: relative to a value, or to 1 for
 *  smaller values. Kernels for several rows sum in another order. Other datatypes must match exactly, above
 *  all integers: an index that has flipped is another result. */
const roundingParts: Partial<Record<Datatype, number>> = {
  FP64: 1e-9,
  FP32: 1e-4,
  FP16: 1e-2,
  BF16: 5e-2,
};

/** The position of the first tensor in which a request's results differ, alone and among others, by more than
 *  rounding; undefined if there is none. */
export function differingResult(
  alone: readonly IndexedTensor[],
  among: readonly IndexedTensor[],
): number | undefined {
  const count = Math.max(alone.length, among.length);
  for (let at = 0; at < count; at++) {
    const [one, other] = [alone[at], among[at]];
    if (one === undefined || other === undefined || !isSame(one, other)) return at;
  }
  return undefined;
}

function isSame(a: IndexedTensor, b: IndexedTensor): boolean {
  if (a.datatype !== b.datatype || a.shape.length !== b.shape.length) return false;
  if (a.shape.some((size, at) => size !== b.shape[at])) return false;
  if (Buffer.compare(a.data, b.data) === 0) return true;
  const parts = roundingParts[a.datatype];
  if (parts === undefined || a.data.byteLength !== b.data.byteLength) return false;
  const [left, right] = [floatsOf(a), floatsOf(b)];
  return left.every((value, at) => isClose(value, right[at] as number, parts));
}

function isClose(a: number, b: number, parts: number): boolean {
  if (Object.is(a, b) || a === b) return true;
  if (!Number.isFinite(a) || !Number.isFinite(b)) return false;
  return Math.abs(a - b) <= parts * Math.max(1, Math.abs(a), Math.abs(b));
}

/** The elements of a floating-point tensor, which need not start at a multiple of their size. */
function floatsOf({ datatype, data }: IndexedTensor): Float32Array | Float64Array {
  const { buffer } = new Uint8Array(data);
  if (datatype === "FP64") return new Float64Array(buffer);
  if (datatype === "FP32") return new Float32Array(buffer);
  const bits = new Uint16Array(buffer);
  return Float32Array.from(bits, datatype === "FP16" ? fromFp16 : fromBf16);
}

function fromFp16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = (bits & 0x3ff) / 1024;
  if (exponent === 0) return sign * 2 ** -14 * fraction;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * 2 ** (exponent - 15) * (1 + fraction);
}

const word = new DataView(new ArrayBuffer(4));

function fromBf16(bits: number): number {
  word.setUint32(0, bits * 0x10000);
  return word.getFloat32(0);
}

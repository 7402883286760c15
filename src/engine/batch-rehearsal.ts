import type { Datatype } from "../tensor.ts";
import type { RunRequest } from "./batch-join.ts";
import type { IndexedTensor } from "./host-protocol.ts";

/** `request` between two strangers with as many rows each, to be joined: a model that looks beyond one
 *  row (back, ahead, or at the mean of all) answers something else than to `request` alone. */
export function withStrangers(request: RunRequest): [RunRequest, RunRequest, RunRequest] {
  const stranger: RunRequest = {
    wanted: request.wanted,
    tensors: request.tensors.map((tensor) => ({ ...tensor, data: otherValues(tensor) })),
  };
  return [stranger, request, stranger];
}

/** Whether the same request had the same results alone and among others, but for the rounding that
 *  kernels for several rows may do differently. */
export function isSameResult(
  alone: readonly IndexedTensor[],
  among: readonly IndexedTensor[],
): boolean {
  return (
    alone.length === among.length &&
    alone.every((tensor, at) => {
      const other = among[at];
      return other !== undefined && isClose(tensor, other);
    })
  );
}

/** Values of the same datatype that a model can take, if it takes those of `tensor`. */
function otherValues({ datatype, data }: IndexedTensor): Uint8Array {
  const other = new Uint8Array(data);
  const floats = floatsOf(datatype, other);
  if (floats !== undefined) {
    for (let at = 0; at < floats.length; at++) floats[at] = 1 + 2 * (floats[at] as number);
  } else if (datatype !== "BYTES") {
    // 0 is an index that every table has; 1 only stands where there is nothing but zeros.
    const isZero = other.every((byte) => byte === 0);
    other.fill(0);
    if (isZero && other.length > 0) other[0] = 1;
  }
  return other;
}

function isClose(a: IndexedTensor, b: IndexedTensor): boolean {
  if (a.shape.length !== b.shape.length || a.shape.some((size, at) => size !== b.shape[at])) {
    return false;
  }
  const [left, right] = [floatsOf(a.datatype, a.data), floatsOf(b.datatype, b.data)];
  if (left === undefined || right === undefined) return Buffer.compare(a.data, b.data) === 0;
  return left.every((value, at) => {
    const other = right[at] as number;
    if (Object.is(value, other) || value === other) return true;
    const isFar = Math.abs(value - other) > 1e-3 * Math.max(1, Math.abs(value));
    return Number.isFinite(value) && Number.isFinite(other) && !isFar;
  });
}

/** A view of the elements, of a copy where they do not start at a multiple of their size. */
function floatsOf(datatype: Datatype, data: Uint8Array): Float32Array | Float64Array | undefined {
  if (datatype !== "FP32" && datatype !== "FP64") return undefined;
  const View = datatype === "FP32" ? Float32Array : Float64Array;
  const size = View.BYTES_PER_ELEMENT;
  const { buffer, byteOffset } = data.byteOffset % size === 0 ? data : new Uint8Array(data);
  return new View(buffer as ArrayBuffer, byteOffset, data.byteLength / size);
}

import type { Datatype, Tensor } from "../../../src/base/tensor.ts";
import type { Random } from "../attacks/mutate.ts";
import type { RandomGraph } from "./random-graphs.ts";
import { randomTensor } from "./random-values.ts";
import type { OpenModel } from "./run-model.ts";

/** What joined runs showed of a model: whether rows of its outputs depend on others than the same rows of its
 *  inputs ("mixed"), or whether they fail where single ones do not. */
export type Dependence = "apart" | "mixed" | "fails" | "cannot run";

const rowCounts = [
  [1, 1],
  [1, 2],
  [2, 1, 1],
  [1, 3, 2],
  [2, 2],
  [1, 1, 1, 1],
] as const;

/** Runs requests joined and alone, and joined ones with other neighbours, on random values. */
export function findDependence(
  model: OpenModel,
  { inputs }: Pick<RandomGraph, "inputs">,
  random: Random,
): Dependence {
  let runs = 0;
  let different = 0;
  let failed = 0;
  for (const counts of rowCounts) {
    const request = (rows: number) =>
      inputs.map(({ name, datatype, sizes }) =>
        randomTensor(random, { name, datatype, shape: [rows, ...sizes.slice(1)] }),
      );
    const requests = counts.map(request);
    const alone = requests.map((tensors) => attempt(model, tensors));
    if (alone.some((results) => results === undefined)) continue;
    const joined = attempt(model, join(requests));
    if (joined === undefined) {
      failed++;
      continue;
    }
    runs++;
    const own = alone as (readonly Tensor[])[];
    if (
      !joined.every((result, at) =>
        isJoined(
          result,
          own.map((results) => results[at] as Tensor),
          counts,
        ),
      )
    ) {
      different++;
    }
    // The first request with other neighbours: its answer must be the very same bits.
    const [first, ...others] = requests as [Tensor[], ...Tensor[][]];
    const changed = attempt(
      model,
      join([first, ...others.map((_, at) => request(counts[at + 1] ?? 1))]),
    );
    if (changed?.some((result, at) => !startsAlike(result, joined[at] as Tensor, counts[0]))) {
      return "mixed";
    }
  }
  // Rounding alone may tip a single result over an edge.
  if (different > 1 || (different === 1 && runs === 1)) return "mixed";
  if (failed > 0) return "fails";
  return runs === 0 ? "cannot run" : "apart";
}

function attempt(model: OpenModel, tensors: readonly Tensor[]): readonly Tensor[] | undefined {
  try {
    return model.run(tensors);
  } catch {
    return undefined;
  }
}

function join(requests: readonly (readonly Tensor[])[]): Tensor[] {
  const [first] = requests;
  return (first ?? []).map(({ name, datatype, shape }, at) => {
    const parts = requests.map((tensors) => tensors[at] as Tensor);
    const rows = parts.reduce((sum, part) => sum + (part.shape[0] ?? 0), 0);
    const data = new Uint8Array(Buffer.concat(parts.map((part) => part.data)));
    return { name, datatype, shape: [rows, ...shape.slice(1)], data };
  });
}

function isJoined(joined: Tensor, parts: readonly Tensor[], counts: readonly number[]): boolean {
  const rows = counts.reduce((sum, count) => sum + count, 0);
  if (joined.shape[0] !== rows) return false;
  let offset = 0;
  const tolerance = joined.datatype === "FP16" ? 0.02 : 0.001;
  const all = valuesOf(joined);
  for (const [at, part] of parts.entries()) {
    if (
      part.shape[0] !== counts[at] ||
      String(part.shape.slice(1)) !== String(joined.shape.slice(1))
    ) {
      return false;
    }
    for (const value of valuesOf(part)) if (!isClose(all[offset++], value, tolerance)) return false;
  }
  return true;
}

function startsAlike(a: Tensor, b: Tensor, rows: number): boolean {
  if (String(a.shape) !== String(b.shape) || a.shape[0] === 0) return false;
  const [left, right] = [valuesOf(a), valuesOf(b)];
  const count = (left.length / (a.shape[0] ?? 1)) * rows;
  for (let at = 0; at < count; at++) if (!Object.is(left[at], right[at])) return false;
  return true;
}

function isClose(a: number | string | undefined, b: number | string, tolerance: number): boolean {
  if (Object.is(a, b) || a === b) return true;
  if (typeof a !== "number" || typeof b !== "number") return false;
  if (Number.isNaN(a) && Number.isNaN(b)) return true;
  return Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(a), Math.abs(b));
}

type Read = (view: DataView, offset: number) => number;

const readers: Readonly<Record<Exclude<Datatype, "BYTES">, readonly [size: number, Read]>> = {
  BOOL: [1, (view, at) => view.getUint8(at)],
  UINT8: [1, (view, at) => view.getUint8(at)],
  INT8: [1, (view, at) => view.getInt8(at)],
  UINT16: [2, (view, at) => view.getUint16(at, true)],
  INT16: [2, (view, at) => view.getInt16(at, true)],
  UINT32: [4, (view, at) => view.getUint32(at, true)],
  INT32: [4, (view, at) => view.getInt32(at, true)],
  UINT64: [8, (view, at) => Number(view.getBigUint64(at, true))],
  INT64: [8, (view, at) => Number(view.getBigInt64(at, true))],
  FP32: [4, (view, at) => view.getFloat32(at, true)],
  FP64: [8, (view, at) => view.getFloat64(at, true)],
  FP16: [2, (view, at) => fromHalf(view.getUint16(at, true))],
  BF16: [2, (view, at) => view.getUint16(at, true)],
};

function valuesOf({ datatype, data }: Tensor): (number | string)[] {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const values: (number | string)[] = [];
  if (datatype === "BYTES") {
    for (let at = 0; at < data.byteLength; ) {
      const end = at + 4 + view.getUint32(at, true);
      values.push(Buffer.from(data.subarray(at + 4, end)).toString());
      at = end;
    }
    return values;
  }
  const [size, read] = readers[datatype];
  for (let at = 0; at < data.byteLength; at += size) values.push(read(view, at));
  return values;
}

function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

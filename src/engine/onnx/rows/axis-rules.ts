import { broadcast } from "./broadcast.ts";
import { type Count, known, numberOf, one, product } from "./count.ts";
import type { RowNode, RowRule } from "./node.ts";
import { countsRows, type RowValue, withDims, withElements } from "./value.ts";

// Operators that work along some axes and keep the others apart.

const along = (node: RowNode) => node.lose("works along the first dimension of the inputs");

/** Ensures that a value's rows are not on `axis`. */
export function keepOffAxis(node: RowNode, value: RowValue, axis: number): void {
  if (value.rows?.axis === axis) along(node);
}

/** Ensures that a value's rows are before `axis`. */
function keepBefore(node: RowNode, value: RowValue, axis: number): void {
  if (value.rows !== undefined && value.rows.axis >= axis) along(node);
}

function rankOf(node: RowNode, value: RowValue): number {
  return node.dims(value).length;
}

/** A node's axes: an attribute, or an input in newer versions. Undefined if neither is present. */
export function axesOf(node: RowNode, value: RowValue, input: number): number[] | undefined {
  const axes = node.ints("axes") ?? node.numbers(input);
  return axes?.map((axis) => node.axis(axis, rankOf(node, value)));
}

/** Up to version 12, all axes from the given one on are treated as one. */
const softmax: RowRule = (node) => {
  const value = node.value(0);
  const rank = rankOf(node, value);
  if (node.opset >= 13) keepOffAxis(node, value, node.axis(node.int("axis", -1), rank));
  else keepBefore(node, value, node.axis(node.int("axis", 1), rank));
  return [withDims(value, node.dims(value))];
};

const reduces: RowRule = (node) => {
  const counts = reducedCounts(node);
  if (counts !== undefined) return [counts];
  const value = node.value(0);
  const axes = axesOf(node, value, 1) ?? [];
  if (axes.length === 0 && node.int("noop_with_empty_axes", 0) !== 0) {
    return [withDims(value, node.dims(value))];
  }
  const all = axes.length > 0 ? axes : node.dims(value).map((_, axis) => axis);
  return [reduced(node, value, all)];
};

/** A product of sizes is a size. */
function reducedCounts(node: RowNode): RowValue | undefined {
  const elements = node.elements(0);
  if (elements === undefined || elements.length === 0 || node.op !== "ReduceProd") return undefined;
  const result = product(elements);
  if (result === undefined || node.int("noop_with_empty_axes", 0) !== 0) return undefined;
  node.numbers(1);
  return withElements([result], node.int("keepdims", 1) !== 0 && node.rankOf(0) > 0);
}

function reduced(node: RowNode, value: RowValue, axes: readonly number[]): RowValue {
  for (const axis of axes) keepOffAxis(node, value, axis);
  const keepsAxes = node.int("keepdims", 1) !== 0;
  const dims = node.dims(value);
  if (keepsAxes)
    return withDims(
      value,
      dims.map((dim, axis) => (axes.includes(axis) ? one : dim)),
    );
  const rowAxis = value.rows?.axis ?? 0;
  const before = axes.filter((axis) => axis < rowAxis).length;
  return withDims(
    value,
    dims.filter((_, axis) => !axes.includes(axis)),
    rowAxis - before,
  );
}

const findsExtreme: RowRule = (node) => {
  const value = node.value(0);
  return [reduced(node, value, [node.axis(node.int("axis", 0), rankOf(node, value))])];
};

const findsLargest: RowRule = (node) => {
  const value = node.value(0);
  const axis = node.axis(node.int("axis", -1), rankOf(node, value));
  keepOffAxis(node, value, axis);
  const [given] = node.has(1) ? [node.fixed(1)?.elements?.[0]] : [known(node.int("k", 1))];
  const size = given === undefined ? node.size() : node.asSize(given);
  const result = withDims(
    value,
    node.dims(value).map((dim, at) => (at === axis ? size : dim)),
  );
  return [result, result];
};

const accumulates: RowRule = (node) => {
  const value = node.value(0);
  const axis = node.numbers(1)?.[0] ?? node.lose("takes an axis that is not known ahead");
  keepOffAxis(node, value, node.axis(axis, rankOf(node, value)));
  return [withDims(value, node.dims(value))];
};

const normalizesAlong: RowRule = (node) => {
  const value = node.value(0);
  keepOffAxis(node, value, node.axis(node.int("axis", -1), rankOf(node, value)));
  return [withDims(value, node.dims(value))];
};

/** Over the axes from the given one on, with a scale and an offset. */
const normalizesFrom: RowRule = (node) => {
  const value = node.value(0);
  const dims = node.dims(value);
  const axis = node.axis(node.int("axis", -1), dims.length);
  keepBefore(node, value, axis);
  for (let index = 1; index < node.inputCount; index++) {
    const parameter = node.fixed(index);
    if (parameter !== undefined && value.rows !== undefined) broadcast(node, [value, parameter]);
  }
  const statistics = withDims(
    value,
    dims.map((dim, at) => (at < axis ? dim : one)),
  );
  return [withDims(value, dims), statistics, statistics];
};

/** X, what is added to it, scale, and offsets. Outputs 1 and 2 are statistics, 3 is the sum. */
const addsAndNormalizes: RowRule = (node) => {
  const sum = broadcast(node, [node.value(0), node.value(1)]);
  const dims = node.dims(sum);
  keepBefore(node, sum, dims.length - 1);
  for (let index = 2; index < node.inputCount; index++) {
    const parameter = node.fixed(index);
    if (parameter !== undefined && sum.rows !== undefined && rankOf(node, parameter) !== 1) {
      node.lose("has a scale of more than one dimension");
    }
  }
  const statistics = withDims(sum, [...dims.slice(0, -1), one]);
  return [sum, statistics, statistics, sum];
};

/** Over all axes except the first two; the second has a scale for each channel. */
const normalizesImages: RowRule = (node) => {
  const value = node.value(0);
  node.fixedFrom(1);
  if (value.rows !== undefined && value.rows.axis !== 0) along(node);
  return [withDims(value, node.dims(value))];
};

const normalizesVariance: RowRule = (node) => {
  const value = node.value(0);
  const axes = node.ints("axes") ?? [0, 2, 3];
  for (const axis of axes) keepOffAxis(node, value, node.axis(axis, rankOf(node, value)));
  return [withDims(value, node.dims(value))];
};

/** A square matrix in the last two axes. */
const findsDeterminant: RowRule = (node) => {
  const value = node.value(0);
  const dims = node.dims(value);
  keepBefore(node, value, dims.length - 2);
  return [withDims(value, dims.slice(0, -2))];
};

const keepsTriangle: RowRule = (node) => {
  const value = node.value(0);
  node.fixed(1);
  keepBefore(node, value, rankOf(node, value) - 2);
  return [withDims(value, node.dims(value))];
};

/** Every element becomes a list of its own. */
const encodesOneHot: RowRule = (node) => {
  const value = node.value(0);
  const depth = node.fixed(1)?.elements?.[0];
  node.fixed(2);
  const dims = node.dims(value);
  const axis = node.axis(node.int("axis", -1), dims.length + 1);
  const size = depth !== undefined && numberOf(depth) !== undefined ? depth : node.size();
  const rowAxis = value.rows?.axis ?? 0;
  return [withDims(value, inserted(dims, axis, size), rowAxis < axis ? rowAxis : rowAxis + 1)];
};

function inserted(dims: readonly Count[], axis: number, size: Count): readonly Count[] {
  return [...dims.slice(0, axis), size, ...dims.slice(axis)];
}

/** Reverses lists along `batch_axis`, each up to its own length. */
const reverses: RowRule = (node) => {
  const value = node.value(0);
  const lengths = node.value(1);
  if (value.rows === undefined && lengths.rows === undefined) return [value];
  const batch = node.int("batch_axis", 1);
  if (value.rows?.axis !== batch || !isListOfRows(node, value, lengths)) along(node);
  return [withDims(value, node.dims(value))];
};

/** Whether `list` has one element for each element of the row axis of `value`. */
export function isListOfRows(node: RowNode, value: RowValue, list: RowValue): boolean {
  if (value.rows === undefined || list.rows === undefined || countsRows(list)) return false;
  if (node.dims(list).length !== 1) return false;
  return (
    broadcast(node, [{ dims: [one], rows: { ...value.rows, axis: 0 } }, list]).rows !== undefined
  );
}

const reductions =
  "ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare";

export const axisRules: Readonly<Record<string, RowRule>> = {
  ...Object.fromEntries(reductions.split(" ").map((op) => [op, reduces])),
  ArgMax: findsExtreme,
  ArgMin: findsExtreme,
  CumProd: accumulates,
  CumSum: accumulates,
  Det: findsDeterminant,
  GroupNormalization: normalizesImages,
  Hardmax: softmax,
  InstanceNormalization: normalizesImages,
  LRN: normalizesImages,
  LayerNormalization: normalizesFrom,
  LogSoftmax: softmax,
  LpNormalization: normalizesAlong,
  MeanVarianceNormalization: normalizesVariance,
  OneHot: encodesOneHot,
  RMSNormalization: normalizesFrom,
  ReverseSequence: reverses,
  SimplifiedLayerNormalization: normalizesFrom,
  Softmax: softmax,
  TopK: findsLargest,
  Trilu: keepsTriangle,
  "com.microsoft:SimplifiedLayerNormalization": normalizesFrom,
  "com.microsoft:SkipLayerNormalization": addsAndNormalizes,
  "com.microsoft:SkipSimplifiedLayerNormalization": addsAndNormalizes,
  "com.microsoft:Trilu": keepsTriangle,
};

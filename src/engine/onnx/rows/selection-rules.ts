import { keepOffAxis } from "./axis-rules.ts";
import { type Count, isSame, known, numberOf } from "./count.ts";
import type { RowNode, RowRule } from "./node.ts";
import { isSameRows, type RowValue, rowSize, withDims, withElements } from "./value.ts";

// Operators that select elements by position.

const gathers: RowRule = (node) => {
  const counts = gatheredCounts(node);
  if (counts !== undefined) return [counts];
  const data = node.value(0);
  const indices = node.value(1);
  const dims = node.dims(data);
  const places = node.dims(indices);
  const axis = node.axis(node.int("axis", 0), dims.length);
  const result = [...dims.slice(0, axis), ...places, ...dims.slice(axis + 1)];
  if (data.rows !== undefined && indices.rows !== undefined) {
    node.lose("looks up rows by other rows");
  }
  if (indices.rows !== undefined) return [withDims(indices, result, axis + indices.rows.axis)];
  keepOffAxis(node, data, axis);
  const rowAxis = data.rows?.axis ?? 0;
  // ONNX Runtime 1.30 copies only the first text after the axis.
  if (node.mayHaveTexts && data.rows !== undefined && rowAxis > axis) {
    node.lose("looks up texts before the rows");
  }
  return [withDims(data, result, rowAxis < axis ? rowAxis : rowAxis + places.length - 1)];
};

/** For a list of sizes. */
function gatheredCounts(node: RowNode): RowValue | undefined {
  const elements = node.elements(0);
  const places = node.elements(1)?.map(numberOf);
  if (elements === undefined || places === undefined || node.rankOf(0) !== 1) return undefined;
  const chosen = places.map((place) => place !== undefined && elements.at(place));
  if (chosen.some((element) => !element)) return undefined;
  return withElements(chosen as Count[], node.rankOf(1) > 0);
}

/** Indices and data are side by side. */
const gathersElements: RowRule = (node) => {
  const data = node.value(0);
  const indices = node.value(1);
  const dims = node.dims(indices);
  const axis = node.axis(node.int("axis", 0), dims.length);
  besideEachOther(node, [data, indices]);
  keepOffAxis(node, indices, axis);
  return [withDims(indices, dims)];
};

const scattersElements: RowRule = (node) => {
  const values = [node.value(0), node.value(1), node.value(2)];
  const [data] = values as [RowValue];
  const dims = node.dims(data);
  besideEachOther(node, values);
  keepOffAxis(node, data, node.axis(node.int("axis", 0), dims.length));
  return [withDims(data, dims)];
};

/** Ensures that either none or all of the values have rows, at the same axis. */
export function besideEachOther(node: RowNode, values: readonly RowValue[]): void {
  const first = values.find(({ rows }) => rows !== undefined)?.rows;
  if (first === undefined) return;
  for (const { rows } of values) {
    if (rows === undefined || rows.axis !== first.axis || !isSameRows(rows, first)) {
      node.lose("puts rows beside something that is not made of rows");
    }
  }
}

/** The last axis of the indices holds positions in the data. */
const gathersSlices: RowRule = (node) => {
  const data = node.value(0);
  const indices = node.value(1);
  const shared = node.int("batch_dims", 0);
  const dims = node.dims(data);
  const places = node.dims(indices);
  const last = places.at(-1);
  const depth = last && numberOf(last);
  if (depth === undefined) return node.lose("has places of an unknown number of dimensions");
  const rowAxis = (indices.rows ?? data.rows)?.axis ?? 0;
  if (data.rows !== undefined) {
    besideEachOther(node, [data, indices]);
    if (rowAxis >= shared) node.lose("looks up rows by their places");
  } else if (indices.rows !== undefined) {
    if (rowAxis < shared) node.lose("looks up rows by their places");
    keepOffAxis(node, indices, places.length - 1);
  }
  const result = [...places.slice(0, -1), ...dims.slice(shared + depth)];
  return [withDims(indices.rows === undefined ? data : indices, result, rowAxis)];
};

const toTheEnd = 2 ** 31 - 1;

const slices: RowRule = (node) => {
  const counts = slicedCounts(node);
  if (counts !== undefined) return [counts];
  const value = node.value(0);
  const dims = [...node.dims(value)];
  const { starts, ends, axes, steps } = bounds(node, dims.length);
  axes.forEach((given, at) => {
    const axis = node.axis(given, dims.length);
    const missing = () => node.lose("has bounds that do not fit");
    const [start, end] = [starts[at] ?? missing(), ends[at] ?? missing()];
    const step = steps?.[at] ?? known(1);
    const size = dims[axis] as Count;
    const takesAll =
      numberOf(start) === 0 &&
      numberOf(step) === 1 &&
      (isSame(end, size) || (numberOf(end) ?? 0) >= toTheEnd);
    if (takesAll) return;
    if (value.rows?.axis === axis) node.lose("takes some of the rows by their places");
    if (end.ofRows || start.ofRows) node.lose("cuts at the number of rows");
    dims[axis] = slicedSize(node, { size, start, end, step });
  });
  return [withDims(value, dims)];
};

interface Bounds {
  readonly starts: readonly Count[];
  readonly ends: readonly Count[];
  readonly axes: readonly number[];
  readonly steps: readonly Count[] | undefined;
}

/** Up to version 9, they are attributes. */
function bounds(node: RowNode, rank: number): Bounds {
  const starts = node.ints("starts")?.map(known) ?? node.counts(1);
  const ends = node.ints("ends")?.map(known) ?? node.counts(2);
  const axes = node.ints("axes") ?? node.numbers(3) ?? starts.map((_, axis) => axis);
  const steps = node.has(4) ? node.counts(4) : undefined;
  if (axes.length > rank || steps?.some(({ ofRows }) => ofRows)) {
    node.lose("has bounds that do not fit");
  }
  return { starts, ends, axes, steps };
}

function slicedSize(
  node: RowNode,
  { size, start, end, step }: Record<"size" | "start" | "end" | "step", Count>,
): Count {
  const [length, from, to, by] = [size, start, end, step].map(numberOf);
  if (length === undefined || from === undefined || to === undefined || by !== 1) {
    return node.size();
  }
  const place = (index: number) =>
    Math.min(Math.max(index < 0 ? index + length : index, 0), length);
  return known(Math.max(place(to) - place(from), 0));
}

/** For a list of sizes. */
function slicedCounts(node: RowNode): RowValue | undefined {
  const elements = node.elements(0);
  if (elements === undefined || node.rankOf(0) !== 1) return undefined;
  const { starts, ends, axes, steps } = bounds(node, 1);
  const [start, end, step] = [starts[0], ends[0], steps?.[0] ?? known(1)].map(
    (count) => count && numberOf(count),
  );
  if (axes.length !== 1 || start === undefined || end === undefined || step !== 1) return undefined;
  return withElements(elements.slice(start, end), true);
}

const splits: RowRule = (node) => {
  const parts = node.ints("split") ?? node.elements(1)?.map(numberOf);
  const elements = node.elements(0);
  if (elements !== undefined && parts?.every((part) => part !== undefined)) {
    let from = 0;
    return parts.map((part) => {
      from += part ?? 0;
      return withElements(elements.slice(from - (part ?? 0), from), true);
    });
  }
  const value = node.value(0);
  const dims = node.dims(value);
  const axis = node.axis(node.int("axis", 0), dims.length);
  keepOffAxis(node, value, axis);
  node.fixed(1);
  const size = dims[axis] && numberOf(dims[axis]);
  const even = size === undefined ? undefined : size / node.outputCount;
  return Array.from({ length: node.outputCount }, (_, at) => {
    const part = parts === undefined ? even : parts[at];
    const isKnown = part !== undefined && Number.isInteger(part);
    return withDims(
      value,
      dims.map((dim, index) => (index !== axis ? dim : isKnown ? known(part) : node.size())),
    );
  });
};

/** Nothing may be added before or after the rows. */
const pads: RowRule = (node) => {
  const value = node.value(0);
  const dims = node.dims(value);
  const given = node.ints("pads")?.map(known) ?? node.counts(1);
  const axes =
    node.numbers(3)?.map((axis) => node.axis(axis, dims.length)) ?? dims.map((_, at) => at);
  node.fixed(2);
  if (given.length !== 2 * axes.length) node.lose("has pads that do not fit");
  if (given.some(({ ofRows }) => ofRows)) node.lose("pads by the number of rows");
  const sizes = [...dims];
  axes.forEach((axis, at) => {
    const [before, after] = [given[at], given[at + axes.length]].map((pad) => pad && numberOf(pad));
    if (before === 0 && after === 0) return;
    keepOffAxis(node, value, axis);
    const size = dims[axis] && numberOf(dims[axis]);
    const isKnown = size !== undefined && before !== undefined && after !== undefined;
    sizes[axis] = isKnown ? known(size + before + after) : node.size();
  });
  return [withDims(value, sizes)];
};

/** Crops or pads to a shape. */
const cropsOrPads: RowRule = (node) => {
  const value = node.value(0);
  const dims = node.dims(value);
  const shape = node.counts(1);
  const axes =
    node.ints("axes")?.map((axis) => node.axis(axis, dims.length)) ?? dims.map((_, at) => at);
  const sizes = [...dims];
  axes.forEach((axis, at) => {
    const size = shape[at] ?? node.lose("has a shape that does not fit");
    if (value.rows?.axis === axis) {
      if (!isSame(size, rowSize(value.rows))) keepOffAxis(node, value, axis);
    } else if (size.ofRows) node.lose("crops to the number of rows");
    sizes[axis] = node.asSize(size);
  });
  return [withDims(value, sizes)];
};

export const selectionRules: Readonly<Record<string, RowRule>> = {
  CenterCropPad: cropsOrPads,
  Gather: gathers,
  GatherElements: gathersElements,
  GatherND: gathersSlices,
  Pad: pads,
  Scatter: scattersElements,
  ScatterElements: scattersElements,
  Slice: slices,
  Split: splits,
};

import { axesOf } from "./axis-rules.ts";
import { broadcast } from "./broadcast.ts";
import { type Count, isSame, known, numberOf, one, over, product } from "./count.ts";
import type { RowNode, RowRule } from "./node.ts";
import { isSameRows, type RowValue, rowSize, withDims, withElements } from "./value.ts";

// Operators that move elements, or put them into other shapes.

/** `value` in another shape, whose sizes are all known. The rows continue in the axis that holds them, if
 *  there is as much before them as there was. */
function reshaped(node: RowNode, value: RowValue, dims: readonly Count[]): RowValue {
  const { rows } = value;
  if (rows === undefined) return { dims };
  const axis = dims.findIndex(({ ofRows }) => ofRows);
  const size = dims[axis];
  if (size === undefined || dims.filter(({ ofRows }) => ofRows).length !== 1) {
    node.lose("puts the rows into a shape that does not have them as one dimension");
  }
  const before = product([...node.dims(value).slice(0, rows.axis), rows.outer]);
  const outer = before && over(before, product(dims.slice(0, axis)) ?? known(0));
  const inner = outer && over({ ...size, ofRows: false }, outer);
  if (outer === undefined || inner === undefined)
    node.lose("mixes the rows with another dimension");
  return { dims, rows: { axis, outer, inner } };
}

const reshapes: RowRule = (node) => {
  const given = node.has(1) ? node.counts(1) : node.ints("shape")?.map(known);
  const wanted = given ?? node.lose("has no shape");
  const elements = node.elements(0);
  if (elements !== undefined) {
    if (wanted.length > 1) node.lose("puts sizes into a table");
    return [withElements(elements, wanted.length === 1)];
  }
  const value = node.value(0);
  const dims = value.dims;
  const keepsZeros = node.int("allowzero", 0) !== 0;
  const sizes = wanted.map((size, axis) => {
    if (numberOf(size) === -1) return size;
    return numberOf(size) === 0 && !keepsZeros ? (dims?.[axis] ?? node.size()) : node.asSize(size);
  });
  const rest = sizes.findIndex((size) => numberOf(size) === -1);
  if (rest >= 0) {
    const all = dims && product(dims);
    const others = product(sizes.filter((_, axis) => axis !== rest));
    const left = all && others && over(all, others);
    if (left === undefined && value.rows !== undefined) {
      node.lose("leaves open whether the rows stay whole in the new shape");
    }
    sizes[rest] = left ?? node.size();
  }
  return [reshaped(node, value, sizes)];
};

/** Padded texts stay padded: they already have two axes. */
const flattens: RowRule = (node) => {
  const value = node.padded(0);
  const dims = node.dims(value);
  const given = node.int("axis", 1);
  const axis = given < 0 ? given + dims.length : given;
  if (value.padding !== undefined) {
    if (dims.length !== 2 || axis !== 1) node.lose("takes apart texts that are padded");
    return [value];
  }
  const sides = [product(dims.slice(0, axis)), product(dims.slice(axis))];
  return [
    reshaped(
      node,
      value,
      sides.map((side) => side ?? node.size()),
    ),
  ];
};

const transposes: RowRule = (node) => {
  const value = node.value(0);
  const dims = node.dims(value);
  const order = node.ints("perm") ?? dims.map((_, axis) => dims.length - 1 - axis);
  const isOrder = order.length === dims.length && new Set(order).size === dims.length;
  if (!isOrder) node.lose("has an order that does not fit");
  const axis = order.indexOf(value.rows?.axis ?? 0);
  return [
    withDims(
      value,
      order.map((from) => dims[from] ?? one),
      axis,
    ),
  ];
};

const squeezes: RowRule = (node) => {
  const elements = node.elements(0);
  if (elements !== undefined) {
    const axes = node.ints("axes") ?? node.numbers(1);
    const isList = elements.length > 1 || (axes !== undefined && axes.length === 0);
    return [withElements(elements, isList)];
  }
  const value = node.value(0);
  const dims = node.dims(value);
  const axes = axesOf(node, value, 1);
  if (axes === undefined) return node.lose("takes out whatever dimensions have one element");
  const rowAxis = value.rows?.axis ?? -1;
  if (axes.includes(rowAxis)) node.lose("takes out the dimension of the rows");
  const before = axes.filter((axis) => axis < rowAxis).length;
  return [
    withDims(
      value,
      dims.filter((_, axis) => !axes.includes(axis)),
      rowAxis - before,
    ),
  ];
};

const unsqueezes: RowRule = (node) => {
  const elements = node.elements(0);
  const value = elements === undefined ? node.value(0) : withElements(elements, node.rankOf(0) > 0);
  const dims = node.dims(value);
  const given = node.ints("axes") ?? node.numbers(1) ?? node.lose("has no axes");
  const rank = dims.length + given.length;
  const axes = given.map((axis) => node.axis(axis, rank));
  if (elements !== undefined && rank <= 1) return [withElements(elements, true)];
  if (elements !== undefined) node.value(0);
  const from: number[] = [];
  const sizes = Array.from({ length: rank }, (_, axis) => {
    if (axes.includes(axis)) return one;
    from.push(axis);
    return dims[from.length - 1] ?? one;
  });
  return [withDims(value, sizes, from[value.rows?.axis ?? 0])];
};

const concatenates: RowRule = (node) => {
  const counts = concatenatedCounts(node);
  if (counts !== undefined) return [counts];
  const values = node.values();
  const withRows = values.find(({ rows }) => rows !== undefined);
  const first = withRows ?? values[0] ?? node.lose("has no inputs");
  const dims = node.dims(first);
  const axis = node.axis(node.int("axis", 1), dims.length);
  if (first.rows !== undefined) {
    if (first.rows.axis === axis) node.lose("appends to the rows");
    for (const { rows } of values) {
      const isBeside = rows?.axis === first.rows.axis && isSameRows(rows, first.rows);
      if (!isBeside) node.lose("puts something beside the rows that is not made of rows");
    }
  }
  const size = values.every((value) => value.dims !== undefined)
    ? values.map((value) => value.dims?.[axis] ?? one).reduce((a, b) => sum(node, a, b))
    : node.size();
  return [
    withDims(
      first,
      dims.map((dim, at) => (at === axis ? size : dim)),
    ),
  ];
};

function sum(node: RowNode, a: Count, b: Count): Count {
  const [x, y] = [numberOf(a), numberOf(b)];
  return x === undefined || y === undefined ? node.size() : known(x + y);
}

/** For lists of sizes, some of which may be known only by their count. */
function concatenatedCounts(node: RowNode): RowValue | undefined {
  if (node.ranks().some((rank) => rank !== 1)) return undefined;
  const all: Count[] = [];
  for (let index = 0; index < node.inputCount; index++) {
    if (!node.has(index)) continue;
    const elements = node.elements(index) ?? unknownElements(node, index);
    if (elements === undefined) return undefined;
    all.push(...elements);
  }
  return withElements(all, true);
}

const maxUnknown = 16;

function unknownElements(node: RowNode, index: number): readonly Count[] | undefined {
  const value = node.value(index);
  const length = value.dims?.[0] && numberOf(value.dims[0]);
  if (value.rows !== undefined || length === undefined || length > maxUnknown) return undefined;
  return Array.from({ length }, () => node.number());
}

/** Repeats along each axis. A value without rows may be repeated for each row. */
const tiles: RowRule = (node) => {
  const value = node.value(0);
  const dims = node.dims(value);
  const repeats = node.counts(1);
  if (repeats.length !== dims.length) node.lose("has repeats that do not fit");
  const axis = repeats.findIndex(({ ofRows }) => ofRows);
  const sizes = dims.map((dim, at) => product([dim, repeats[at] ?? one]) ?? node.size());
  if (axis < 0) {
    const { rows } = value;
    if (rows === undefined) return [{ dims: sizes }];
    const outer = product([rows.outer, repeats[rows.axis] ?? one]) ?? node.size();
    return [withDims({ ...value, rows: { ...rows, outer } }, sizes)];
  }
  if (value.rows !== undefined || repeats.filter(({ ofRows }) => ofRows).length > 1) {
    node.lose("repeats the rows by their number");
  }
  return [uniform(node, sizes)];
};

/** For a shape that may have the number of rows at one axis: a value that is the same for each row. */
export function uniform(node: RowNode, counts: readonly Count[]): RowValue {
  const shape = counts.map((count) => node.asSize(count));
  const axis = shape.findIndex(({ ofRows }) => ofRows);
  if (axis < 0) return { dims: shape };
  if (shape.filter(({ ofRows }) => ofRows).length > 1) node.lose("makes rows for each row");
  const rows = { axis, outer: one, inner: { ...(shape[axis] ?? one), ofRows: false } };
  return { dims: shape, rows };
}

/** Broadcasts to a shape. A value without rows may be repeated for each row. */
const expands: RowRule = (node) => {
  const value = node.value(0);
  const shape = node.counts(1);
  const target = uniform(node, shape);
  const fromEnd = value.rows && node.dims(value).length - value.rows.axis;
  if (value.rows === undefined || target.rows === undefined || fromEnd === undefined) {
    return [broadcast(node, [value, target])];
  }
  // A shape has no rows of its own: an axis with as many elements as rows behaves like them.
  const isAsLong = isSame(rowSize(value.rows), rowSize(target.rows));
  const rows = isAsLong ? { ...value.rows, axis: target.rows.axis } : target.rows;
  return [broadcast(node, [value, { ...target, rows }])];
};

export const layoutRules: Readonly<Record<string, RowRule>> = {
  Concat: concatenates,
  Expand: expands,
  Flatten: flattens,
  Reshape: reshapes,
  Squeeze: squeezes,
  Tile: tiles,
  Transpose: transposes,
  Unsqueeze: unsqueezes,
};

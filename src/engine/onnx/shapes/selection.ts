import {
  at,
  axisOf,
  elements,
  type NodeView,
  type Rule,
  ruleTable,
  type Shape,
  withSize,
} from "./node-view.ts";

// Operators that select elements by index, by condition or by size. Where values decide how many there are,
// the rules return the maximum.

/** Those in `boundedOperators` return no exact shape, but the largest possible one. */
export const boundedOperators: ReadonlySet<string> = new Set([
  "Compress",
  "NonMaxSuppression",
  "NonZero",
  "StringNormalizer",
  "Unique",
]);

const gathers: Rule = (node) => {
  const shape = node.shape(0);
  const axis = axisOf(node.int("axis", 0), shape.length);
  return [[...shape.slice(0, axis), ...node.shape(1), ...shape.slice(axis + 1)]];
};

const gathersSlices: Rule = (node) => {
  const shape = node.shape(0);
  const indices = node.shape(1);
  const batch = node.int("batch_dims", 0);
  return [[...indices.slice(0, -1), ...shape.slice(batch + at(indices, -1))]];
};

const picksTop: Rule = (node) => {
  const shape = node.shape(0);
  const axis = axisOf(node.int("axis", -1), shape.length);
  const top = withSize(shape, axis, node.number(1, "k", 1));
  return [top, top];
};

const oneHot: Rule = (node) => {
  const shape = node.shape(0);
  const axis = axisOf(node.int("axis", -1), shape.length + 1);
  return [[...shape.slice(0, axis), node.scalar(1), ...shape.slice(axis)]];
};

/** The indices of the elements that are not zero, in columns. */
const findsNonZero: Rule = (node) => {
  const shape = node.shape(0);
  const found = node.valuesIfKnown(0)?.filter((value) => value !== 0).length;
  return [[shape.length, found ?? elements(shape)]];
};

const compresses: Rule = (node) => {
  const shape = node.shape(0);
  const axis = node.attribute("axis")?.int;
  const condition = node.valuesIfKnown(1)?.filter((value) => value !== 0).length;
  const most = condition ?? at(node.shape(1), 0);
  if (axis === undefined) return [[Math.min(most, elements(shape))]];
  const compressed = axisOf(axis, shape.length);
  return [withSize(shape, compressed, Math.min(most, at(shape, compressed)))];
};

const findsUnique: Rule = (node) => {
  const shape = node.shape(0);
  const axis = node.attribute("axis")?.int;
  if (axis === undefined) {
    const list = [elements(shape)];
    return [list, list, list, list];
  }
  const list = [at(shape, axisOf(axis, shape.length))];
  return [shape, list, list, list];
};

/** At most this many boxes of each class in each image. */
const suppresses: Rule = (node) => {
  const boxes = at(node.shape(0), 1);
  const [images = 1, classes = 1] = node.shape(1);
  const ofClass = node.has(2) ? Math.min(boxes, Math.max(0, node.scalar(2))) : 0;
  return [[images * classes * ofClass, 3]];
};

function argReduces(node: NodeView): readonly Shape[] {
  const shape = node.shape(0);
  const reduced = axisOf(node.int("axis", 0), shape.length);
  if (node.int("keepdims", 1) === 0) return [shape.filter((_, axis) => axis !== reduced)];
  return [withSize(shape, reduced, 1)];
}

const reduces: Rule = (node) => {
  const shape = node.shape(0);
  const list = node.list(1, "axes") ?? [];
  if (list.length === 0 && node.int("noop_with_empty_axes", 0) !== 0) return [shape];
  const axes = new Set(list.map((axis) => axisOf(axis, shape.length)));
  const isReduced = (axis: number) => axes.size === 0 || axes.has(axis);
  if (node.int("keepdims", 1) !== 0) {
    return [shape.map((size, axis) => (isReduced(axis) ? 1 : size))];
  }
  return [shape.filter((_, axis) => !isReduced(axis))];
};

export const selectionRules = ruleTable("", [
  ["ArgMax ArgMin", argReduces],
  ["Compress", compresses],
  ["Gather", gathers],
  ["GatherElements", (node) => [node.shape(1)]],
  ["GatherND", gathersSlices],
  ["NonMaxSuppression", suppresses],
  ["NonZero", findsNonZero],
  ["OneHot", oneHot],
  [
    "ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare",
    reduces,
  ],
  ["TopK", picksTop],
  ["Unique", findsUnique],
]);

import {
  at,
  axisOf,
  broadcast,
  elements,
  known,
  type NodeView,
  type Rule,
  ruleTable,
  type Shape,
  unclear,
  withSize,
} from "./node-view.ts";

// Operators that move elements unchanged: all or some of them, in another shape.

const concatenates: Rule = (node) => {
  const shapes = node.shapes();
  const first = known(shapes[0]);
  const joined = axisOf(node.int("axis", 0), first.length);
  return [
    withSize(
      first,
      joined,
      shapes.reduce((sum, shape) => sum + at(shape, joined), 0),
    ),
  ];
};

const flattens: Rule = (node) => {
  const shape = node.shape(0);
  const axis = axisOf(node.int("axis", 1), shape.length);
  return [[elements(shape.slice(0, axis)), elements(shape.slice(axis))]];
};

const reshapes: Rule = (node) => {
  const from = node.shape(0);
  const keepsZero = node.int("allowzero", 0) !== 0;
  const wanted = node
    .values(1)
    .map((size, axis) => (size === 0 && !keepsZero ? at(from, axis) : size));
  const others = elements(wanted.filter((size) => size !== -1));
  // Nothing, in as few parts as one likes.
  const rest = others === 0 ? 0 : elements(from) / others;
  return [wanted.map((size) => (size === -1 ? rest : size))];
};

/** The part of one dimension that a Slice selects. */
export interface SliceRange {
  readonly start: number;
  readonly step: number;
  readonly length: number;
}

/** For each dimension of the first input. */
export function sliceRanges(node: NodeView): readonly SliceRange[] {
  const shape = node.shape(0);
  const starts = known(node.list(1, "starts"));
  const ends = known(node.list(2, "ends"));
  const axes = node.list(3, "axes");
  const steps = node.has(4) ? node.values(4) : [];
  const ranges = shape.map((size): SliceRange => ({ start: 0, step: 1, length: size }));
  for (const [index, start] of starts.entries()) {
    const axis = axisOf(axes?.[index] ?? index, shape.length);
    ranges[axis] = sliceRange(at(shape, axis), {
      start,
      end: at(ends, index),
      step: steps[index] ?? 1,
    });
  }
  return ranges;
}

function sliceRange(
  size: number,
  { start, end, step }: { start: number; end: number; step: number },
): SliceRange {
  if (step === 0) throw unclear();
  const [least, most] = step > 0 ? [0, size] : [-1, size - 1];
  const place = (position: number) =>
    Math.min(most, Math.max(least, position < 0 ? position + size : position));
  const first = Math.max(0, place(start));
  return { start: first, step, length: Math.max(0, Math.ceil((place(end) - first) / step)) };
}

/** The axis of a Split, and the size of each part. */
export function splitSizes(node: NodeView): { readonly axis: number; readonly sizes: Shape } {
  const shape = node.shape(0);
  const axis = axisOf(node.int("axis", 0), shape.length);
  const given = node.list(1, "split") ?? [];
  if (given.length > 0) return { axis, sizes: given };
  const count = node.int("num_outputs", node.outputCount);
  const size = at(shape, axis);
  const even = Math.ceil(size / count);
  // The last part is smaller if the size is not divisible.
  const sizes = Array.from({ length: count }, (_, index) =>
    Math.max(0, Math.min(even, size - index * even)),
  );
  return { axis, sizes };
}

const splits: Rule = (node) => {
  const { axis, sizes } = splitSizes(node);
  return sizes.map((size) => withSize(node.shape(0), axis, size));
};

const squeezes: Rule = (node) => {
  const shape = node.shape(0);
  const list = node.list(1, "axes");
  if (list === undefined) return [shape.filter((size) => size !== 1)];
  const axes = new Set(list.map((axis) => axisOf(axis, shape.length)));
  return [shape.filter((_, axis) => !axes.has(axis))];
};

const unsqueezes: Rule = (node) => {
  const list = known(node.list(1, "axes"));
  const shape = [...node.shape(0)];
  const rank = shape.length + list.length;
  for (const axis of list.map((each) => axisOf(each, rank)).sort((a, b) => a - b)) {
    shape.splice(axis, 0, 1);
  }
  return [shape];
};

/** The input axis for each output axis. */
export function transposition(node: NodeView): readonly number[] {
  const order = node.ints("perm");
  return order.length > 0 ? order : node.shape(0).map((_, axis, { length }) => length - 1 - axis);
}

const transposes: Rule = (node) => {
  const shape = node.shape(0);
  return [transposition(node).map((axis) => at(shape, axis))];
};

const pads: Rule = (node) => {
  const shape = node.shape(0);
  const amounts = known(node.list(1, "pads"));
  const given = node.has(3) ? node.values(3) : undefined;
  const axes = given?.map((axis) => axisOf(axis, shape.length)) ?? shape.map((_, axis) => axis);
  return [
    axes.reduce((padded: Shape, axis, index) => {
      const before = at(amounts, index);
      const after = at(amounts, index + axes.length);
      return withSize(padded, axis, at(shape, axis) + before + after);
    }, shape),
  ];
};

/** The dimensions that "Shape" returns: all, or from `start` up to `end`. */
export function shownSizes(node: NodeView): Shape {
  const shape = node.shape(0);
  return shape.slice(node.int("start", 0), node.int("end", shape.length));
}

export const layoutRules = ruleTable("", [
  ["Concat", concatenates],
  ["Expand", (node) => [broadcast(node.shape(0), node.values(1))]],
  ["Flatten", flattens],
  ["Pad", pads],
  ["Reshape", reshapes],
  ["Shape", (node) => [[shownSizes(node).length]]],
  ["Size OptionalHasElement SequenceLength", () => [[]]],
  ["Slice", (node) => [sliceRanges(node).map(({ length }) => length)]],
  ["Split", splits],
  ["Squeeze", squeezes],
  ["Tile", (node) => [node.shape(0).map((size, axis) => size * at(node.values(1), axis))]],
  ["Transpose", transposes],
  ["Unsqueeze", unsqueezes],
]);

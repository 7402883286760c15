import { type DraftValue, type GraphDraft, NoUse } from "./graph-draft.ts";

// Growths of drafts that move, take or repeat elements, by shapes that are constant or computed.

const hasAxes = ({ rank }: DraftValue) => rank > 0;
const hasValue = ({ datatype, rank }: DraftValue) => datatype !== "BYTES" && rank > 0;

function shuffled(draft: GraphDraft, length: number): number[] {
  const order = Array.from({ length }, (_, at) => at);
  for (let at = length - 1; at > 0; at--) {
    const other = draft.random.below(at + 1);
    [order[at], order[other]] = [order[other] ?? 0, order[at] ?? 0];
  }
  return order;
}

function axesInput(draft: GraphDraft, axes: readonly number[]) {
  return draft.opset < 13
    ? { inputs: [], attributes: { axes } }
    : { inputs: [draft.integers(...axes)], attributes: {} };
}

/** The size of an axis as a list of one, by one of the ways that exporters have. */
function sizeOf(draft: GraphDraft, value: DraftValue, axis: number): DraftValue {
  if (draft.opset >= 15 && draft.chance(40)) {
    return draft.node("Shape", [value], { start: axis, end: axis + 1 })[0] as DraftValue;
  }
  const [shape] = draft.node("Shape", [value]) as [DraftValue];
  if (draft.chance(50)) return draft.node("Gather", [shape, draft.integers(axis)])[0] as DraftValue;
  if (draft.chance(50) && draft.opset >= 10) {
    const [from, to] = [draft.integers(axis), draft.integers(axis + 1)];
    return draft.node("Slice", [shape, from, to, draft.integers(0)])[0] as DraftValue;
  }
  const [size] = draft.node("Gather", [shape, draft.constant("INT64", [], [axis])]) as [DraftValue];
  const { inputs, attributes } = axesInput(draft, [0]);
  return draft.node("Unsqueeze", [size, ...inputs], attributes)[0] as DraftValue;
}

function concat(draft: GraphDraft, parts: readonly (DraftValue | string)[]): DraftValue {
  return draft.node("Concat", parts, { axis: 0 })[0] as DraftValue;
}

/** Joins two neighbouring axes, and parts them again or not. */
function joinsAxes(draft: GraphDraft): void {
  const value = draft.pick(({ rank }) => rank > 1);
  const at = draft.random.below(value.rank - 1);
  const sizes = Array.from({ length: value.rank }, (_, axis) => sizeOf(draft, value, axis));
  const [a, b] = [sizes[at] as DraftValue, sizes[at + 1] as DraftValue];
  const joined = draft.chance(50)
    ? draft.integers(-1)
    : (draft.node("Mul", [a, b])[0] as DraftValue);
  const shape = concat(draft, [...sizes.slice(0, at), joined, ...sizes.slice(at + 2)]);
  const [flat] = draft.node("Reshape", [value, shape]) as [DraftValue];
  if (draft.chance(50)) draft.node("Reshape", [flat, concat(draft, sizes)]);
}

/** To a constant shape with one size left open. */
function reshapes(draft: GraphDraft): void {
  const value = draft.pick(hasAxes);
  const [a, b] = value.traces.map(({ shape }) => shape.reduce((all, size) => all * size, 1));
  const rows = draft.chance(70) ? -1 : 0;
  const own = Array.from({ length: value.rank }, (_, axis) => axis)
    .filter((axis) => !value.rowAxes.includes(axis) && draft.chance(70))
    .reduce((all, axis) => all * draft.size(value, axis), 1);
  const columns = draft.chance(60) ? own : 1 + draft.random.below(6);
  if ((a ?? 0) % columns !== 0 || (b ?? 0) % columns !== 0) throw new NoUse();
  draft.node("Reshape", [
    value,
    draft.integers(...(draft.chance(80) ? [rows, columns] : [columns, -1])),
  ]);
}

/** By a shape that the value itself tells: heads of attention are made in this way. */
function splitsAxis(draft: GraphDraft): void {
  const value = draft.pick(({ rank }) => rank > 1);
  const last = draft.size(value, value.rank - 1);
  const parts = last % 2 === 0 ? [2, last / 2] : [last, 1];
  if (draft.chance(50)) {
    const zeros = new Array<number>(value.rank - 1).fill(0);
    draft.node("Reshape", [value, draft.integers(...zeros, ...parts)]);
    return;
  }
  const sizes = Array.from({ length: value.rank - 1 }, (_, axis) => sizeOf(draft, value, axis));
  draft.node("Reshape", [value, concat(draft, [...sizes, draft.integers(...parts)])]);
}

function squeezes(draft: GraphDraft): void {
  const value = draft.pick(hasAxes);
  if (draft.chance(10)) {
    draft.node("Squeeze", [value]);
    return;
  }
  const axis = (value.traces[0]?.shape ?? []).indexOf(1);
  if (axis < 0) throw new NoUse();
  const { inputs, attributes } = axesInput(draft, [axis]);
  draft.node("Squeeze", [value, ...inputs], attributes);
}

function unsqueezes(draft: GraphDraft): void {
  const value = draft.pick(({ rank }) => rank < 4);
  const { inputs, attributes } = axesInput(draft, [draft.random.below(value.rank + 1)]);
  draft.node("Unsqueeze", [value, ...inputs], attributes);
}

function concatenates(draft: GraphDraft): void {
  const value = draft.pick(hasAxes);
  const other = draft.pick(
    ({ datatype, rank }) => rank === value.rank && datatype === value.datatype,
  );
  draft.node("Concat", [value, other], { axis: draft.axis(value) });
}

function splits(draft: GraphDraft): void {
  const value = draft.pick(hasAxes);
  const axis = draft.axis(value);
  const size = value.traces[0]?.shape[axis] ?? 1;
  if (size === 1) throw new NoUse();
  if (draft.opset < 13)
    draft.node("Split", [value], { axis, split: [1, size - 1] }, { outputs: 2 });
  else draft.node("Split", [value, draft.integers(1, size - 1)], { axis }, { outputs: 2 });
}

function slices(draft: GraphDraft): void {
  const value = draft.pick(hasAxes);
  const axis = draft.axis(value) - (draft.chance(30) ? value.rank : 0);
  const isWhole = draft.chance(25);
  const start = isWhole ? 0 : draft.random.below(3) - 1;
  const end = isWhole ? 2 ** 31 - 1 : draft.random.pick([1, 2, -1, 2 ** 31 - 1]);
  if (draft.opset < 10)
    draft.node("Slice", [value], { starts: [start], ends: [end], axes: [axis] });
  else if (draft.chance(20)) {
    // Back to front.
    const ends = draft.integers(-(2 ** 31));
    draft.node("Slice", [
      value,
      draft.integers(-1),
      ends,
      draft.integers(axis),
      draft.integers(-1),
    ]);
  } else {
    draft.node("Slice", [value, draft.integers(start), draft.integers(end), draft.integers(axis)]);
  }
}

function gathers(draft: GraphDraft): void {
  const value = draft.pick(hasAxes);
  const axis = draft.axis(value);
  if (draft.chance(50)) {
    const place = draft.random.below(2) - 1;
    draft.node("Gather", [value, draft.constant("INT64", draft.chance(50) ? [] : [1], [place])], {
      axis,
    });
    return;
  }
  // Places that fit are found by the rest of a division.
  const places = draft.pick(({ datatype }) => datatype === "INT64" || datatype === "INT32");
  const size = draft.chance(50) ? undefined : (value.traces[0]?.shape[axis] ?? 1);
  const divisor = draft.constant(places.datatype, [], [size ?? 3]);
  const [rest] = draft.node("Mod", [places, divisor]) as [DraftValue];
  if (size !== undefined) draft.node("Gather", [value, rest], { axis });
  else draft.node("Gather", [draft.constant("FP32", [3, 2]), rest]);
}

function gathersElements(draft: GraphDraft): void {
  if (draft.opset < 11) throw new NoUse();
  const value = draft.pick(hasValue);
  const [places] = draft.node("ArgMax", [value], { axis: draft.axis(value) }) as [DraftValue];
  const axis = draft.axis(value);
  const size = draft.constant("INT64", [], [value.traces[0]?.shape[axis] ?? 1]);
  const [rest] = draft.node("Mod", [places, size]) as [DraftValue];
  if (draft.chance(60)) draft.node("GatherElements", [value, rest], { axis });
  else
    draft.node("ScatterElements", [value, rest, draft.node("Neg", [value])[0] as DraftValue], {
      axis,
    });
}

function pads(draft: GraphDraft): void {
  if (draft.opset < 11) throw new NoUse();
  const value = draft.pick(({ datatype, rank }) => datatype === "FP32" && rank > 0);
  const amounts = new Array<number>(2 * value.rank).fill(0);
  const axis = draft.axis(value);
  amounts[axis] = draft.random.below(2);
  amounts[axis + value.rank] = 1;
  const mode = draft.random.pick(["constant", "edge"]);
  draft.node("Pad", [value, draft.integers(...amounts)], { mode });
}

function tiles(draft: GraphDraft): void {
  const value = draft.pick(hasAxes);
  const repeats = new Array<number>(value.rank).fill(1);
  repeats[draft.axis(value)] = 2;
  draft.node("Tile", [value, draft.integers(...repeats)]);
}

/** A constant, or a value, in the shape of a value: tokens that come first, and masks. */
function expands(draft: GraphDraft): void {
  const value = draft.pick(hasAxes);
  const sizes = Array.from({ length: value.rank }, (_, axis) =>
    draft.chance(70) ? sizeOf(draft, value, axis) : draft.integers(1),
  );
  const shape = concat(draft, sizes);
  if (draft.chance(30)) {
    draft.node("ConstantOfShape", [shape]);
    return;
  }
  const ones = new Array<number>(value.rank).fill(1);
  const token = draft.chance(60)
    ? draft.constant("FP32", draft.chance(50) ? ones : ones.slice(1))
    : draft.pick(({ rank }) => rank <= value.rank);
  draft.node("Expand", [token, shape]);
}

/** One more element in each row. */
function prepends(draft: GraphDraft): void {
  const value = draft.pick(({ datatype, rank }) => datatype === "FP32" && rank === 3);
  const width = draft.size(value, 2);
  const shape = concat(draft, [sizeOf(draft, value, 0), draft.integers(1, width)]);
  const [token] = draft.node("Expand", [draft.constant("FP32", [1, 1, width]), shape]) as [
    DraftValue,
  ];
  draft.node("Concat", [token, value], { axis: 1 });
}

/** Numbers along an axis, or of the rows. */
function counts(draft: GraphDraft): void {
  if (draft.opset < 11) throw new NoUse();
  const value = draft.pick(hasAxes);
  const size = sizeOf(draft, value, draft.axis(value));
  const { inputs, attributes } = axesInput(draft, [0]);
  const [limit] = draft.node("Squeeze", [size, ...inputs], attributes) as [DraftValue];
  const [zero, step] = [draft.constant("INT64", [], [0]), draft.constant("INT64", [], [1])];
  draft.node("Range", [zero, limit, step]);
}

/** Divides by how many elements there are. */
function averages(draft: GraphDraft): void {
  const value = draft.pick(({ datatype, rank }) => datatype === "FP32" && rank > 0);
  const size = sizeOf(draft, value, draft.axis(value));
  const [float] = draft.node("Cast", [size], { to: 1 }) as [DraftValue];
  draft.node("Div", [value, float]);
}

function triangles(draft: GraphDraft): void {
  if (draft.opset < 14) throw new NoUse();
  draft.node("Trilu", [draft.pick(({ datatype, rank }) => datatype === "FP32" && rank > 1)]);
}

function encodesOneHot(draft: GraphDraft): void {
  if (draft.opset < 11) throw new NoUse();
  const value = draft.pick(({ datatype, rank }) => datatype === "INT64" && rank < 4);
  const depth = draft.constant("INT64", [], [3]);
  const axis = draft.random.below(value.rank + 2) - 1;
  draft.node("OneHot", [value, depth, draft.constant("FP32", [2], [0, 1])], { axis });
}

function reverses(draft: GraphDraft): void {
  const value = draft.pick(({ datatype, rank }) => datatype === "FP32" && rank > 1);
  const batch = draft.random.below(2);
  const size = sizeOf(draft, value, batch);
  const length = value.traces[0]?.shape[1 - batch] ?? 1;
  const [lengths] = draft.node("Expand", [draft.integers(length), size]) as [DraftValue];
  draft.node("ReverseSequence", [value, lengths], { batch_axis: batch, time_axis: 1 - batch });
}

export const growLayouts = {
  joinsAxes,
  reshapes,
  splitsAxis,
  squeezes,
  unsqueezes,
  Concat: concatenates,
  Split: splits,
  Slice: slices,
  Gather: gathers,
  gathersElements,
  Pad: pads,
  Tile: tiles,
  expands,
  prepends,
  counts,
  averages,
  Trilu: triangles,
  OneHot: encodesOneHot,
  ReverseSequence: reverses,
  Flatten: (draft: GraphDraft) => {
    const value = draft.pick(hasAxes);
    draft.node(
      "Flatten",
      [value],
      draft.chance(60) ? {} : { axis: draft.random.below(value.rank + 1) },
    );
  },
  Transpose: (draft: GraphDraft) => {
    const value = draft.pick(({ rank }) => rank > 1);
    draft.node("Transpose", [value], { perm: shuffled(draft, value.rank) });
  },
  EyeLike: (draft: GraphDraft) => {
    draft.node("EyeLike", [draft.pick(({ datatype, rank }) => datatype === "FP32" && rank === 2)]);
  },
};

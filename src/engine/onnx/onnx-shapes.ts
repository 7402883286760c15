import type { OnnxAttribute, OnnxNode } from "./onnx-graph.ts";

// How the shapes of a node's outputs follow from its inputs: the operators that models are mostly made of.

/** One value of a graph, with all dimensions known. */
export interface ShapedValue {
  readonly shape: readonly number[];
  readonly elementBytes: number;
  /** The values of a short list of integers that is known before any run. */
  readonly integers?: readonly number[] | undefined;
}

type Shape = readonly number[];
type Rule = (node: NodeView) => readonly Shape[];

const sameShape: Rule = (node) => [node.shape(0)];
const broadcasts: Rule = (node) => [node.shapes().reduce(broadcast)];
const pools: Rule = (node) => {
  const image = node.shape(0);
  return [windows(node, { image, kernel: node.ints("kernel_shape"), channels: at(image, 1) })];
};
const convolves: Rule = (node) => [convolution(node, 0, 1)];
const reduces: Rule = (node) => [reduced(node)];
const globalPools: Rule = (node) => [node.shape(0).map((size, axis) => (axis < 2 ? size : 1))];
const recurs: Rule = (node) => recurrent(node);

const rules: ReadonlyMap<string, Rule> = new Map([
  ...each(
    "Abs Acos Asin Atan BatchNormalization BitwiseNot Cast CastLike Ceil Celu Clip Cos CumSum DequantizeLinear Dropout Elu Erf Exp FastGelu Floor Gelu GroupNormalization HardSigmoid HardSwish Hardmax Identity InstanceNormalization IsInf IsNaN LRN LayerNormalization LeakyRelu Log LogSoftmax LpNormalization MeanVarianceNormalization Mish Neg Not QuantizeLinear QuickGelu Reciprocal Relu Round ScatterElements ScatterND Selu Shrink Sigmoid Sign SimplifiedLayerNormalization Sin SkipLayerNormalization Softmax Softplus Softsign Sqrt Tan Tanh ThresholdedRelu Trilu",
    sameShape,
  ),
  ...each(
    "Add And BitShift BitwiseAnd BitwiseOr BitwiseXor Div Equal Greater GreaterOrEqual Less LessOrEqual Max Mean Min Mod Mul Or PRelu Pow Sub Sum Where Xor",
    broadcasts,
  ),
  ...each("AveragePool MaxPool LpPool", pools),
  ...each("Conv ConvInteger", convolves),
  ...each("GlobalAveragePool GlobalMaxPool GlobalLpPool", globalPools),
  ...each(
    "ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare",
    reduces,
  ),
  ...each("LSTM GRU RNN", recurs),
  ["ArgMax", argReduces],
  ["ArgMin", argReduces],
  ["Concat", concatenates],
  ["Constant", (node) => [node.tensor("value").dims]],
  ["ConstantOfShape", (node) => [node.integers(0)]],
  ["DynamicQuantizeLinear", (node) => [node.shape(0), [], []]],
  ["Expand", (node) => [broadcast(node.shape(0), node.integers(1))]],
  ["Flatten", flattens],
  ["Gather", gathers],
  ["Gemm", multipliesMatrices],
  ["MatMul", (node) => [product(node.shape(0), node.shape(1))]],
  ["MatMulInteger", (node) => [product(node.shape(0), node.shape(1))]],
  ["QLinearConv", (node) => [convolution(node, 0, 3)]],
  ["QLinearMatMul", (node) => [product(node.shape(0), node.shape(3))]],
  ["Reshape", reshapes],
  ["Shape", (node) => [[sizesOf(node).length]]],
  ["Size", () => [[]]],
  ["Slice", slices],
  ["Split", splits],
  ["Squeeze", squeezes],
  ["Tile", (node) => [node.shape(0).map((size, axis) => size * at(node.integers(1), axis))]],
  ["Transpose", transposes],
  ["Unsqueeze", unsqueezes],
]);

/** Short lists of integers that are passed on as they are. */
const passing = new Set(["Identity", "Cast", "Squeeze", "Unsqueeze", "Reshape"]);
const arithmetic: Readonly<Record<string, (a: number, b: number) => number>> = {
  Add: (a, b) => a + b,
  Sub: (a, b) => a - b,
  Mul: (a, b) => a * b,
  Div: (a, b) => Math.trunc(a / b),
};

/** The shapes of a node's outputs. Throws if it cannot tell. */
export function outputShapes(
  node: OnnxNode,
  inputs: readonly (ShapedValue | undefined)[],
): readonly Shape[] {
  const rule = rules.get(node.op);
  if (rule === undefined) throw unclear();
  const shapes = rule(new NodeView(node, inputs));
  const isSound = (size: number) => size >= 0 && Number.isFinite(size);
  if (!shapes.every((shape) => shape.every(isSound))) throw unclear();
  return shapes;
}

/** The values of a node's only output, if they are integers known before any run. */
export function outputIntegers(
  node: OnnxNode,
  inputs: readonly (ShapedValue | undefined)[],
): readonly number[] | undefined {
  const [first, second] = inputs;
  if (node.op === "Constant") return node.attributes.get("value")?.tensor?.values;
  if (node.op === "Shape") {
    return first === undefined ? undefined : sizesOf(new NodeView(node, inputs));
  }
  if (node.op === "Concat") {
    return inputs.every((input) => input?.integers !== undefined)
      ? inputs.flatMap((input) => input?.integers ?? [])
      : undefined;
  }
  const integers = first?.integers;
  if (integers === undefined) return undefined;
  if (passing.has(node.op)) return integers;
  const others = second?.integers;
  if (others === undefined) return undefined;
  if (node.op === "Gather") return others.map((index) => at(integers, index));
  if (node.op === "Slice") {
    const step = inputs[4]?.integers?.[0] ?? 1;
    const end = inputs[2]?.integers?.[0];
    return step === 1 && end !== undefined ? integers.slice(others[0], end) : undefined;
  }
  const combine = arithmetic[node.op];
  if (combine === undefined) return undefined;
  const longer = integers.length >= others.length ? integers : others;
  return longer.map((_, index) =>
    combine(at(integers, index % integers.length), at(others, index % others.length)),
  );
}

/** A node with its inputs. What is missing is thrown, as unclear. */
class NodeView {
  readonly #node: OnnxNode;
  readonly #inputs: readonly (ShapedValue | undefined)[];

  constructor(node: OnnxNode, inputs: readonly (ShapedValue | undefined)[]) {
    this.#node = node;
    this.#inputs = inputs;
  }

  get outputCount(): number {
    return this.#node.outputs.length;
  }

  shapes(): readonly Shape[] {
    return this.#inputs.map((_, index) => this.shape(index));
  }

  shape(input: number): Shape {
    return known(this.#inputs[input]).shape;
  }

  integers(input: number): Shape {
    return known(known(this.#inputs[input]).integers);
  }

  /** What newer versions of an operator take as an input and older ones as an attribute. */
  list(input: number, attribute: string): Shape | undefined {
    if (this.#inputs[input] !== undefined) return this.integers(input);
    return this.#attribute(attribute)?.ints;
  }

  ints(name: string): Shape {
    return this.#attribute(name)?.ints ?? [];
  }

  int(name: string, otherwise: number): number {
    return this.#attribute(name)?.int ?? otherwise;
  }

  text(name: string): string {
    return this.#attribute(name)?.text ?? "";
  }

  tensor(name: string) {
    return known(this.#attribute(name)?.tensor);
  }

  #attribute(name: string): OnnxAttribute | undefined {
    return this.#node.attributes.get(name);
  }
}

function each(ops: string, rule: Rule): [string, Rule][] {
  return ops.split(" ").map((op) => [op, rule]);
}

function unclear(): Error {
  return new Error("the shape is not clear");
}

function known<T>(value: T | undefined): T {
  if (value === undefined) throw unclear();
  return value;
}

function at(list: Shape, index: number): number {
  return known(list.at(index));
}

/** An axis counted from the end if it is negative. */
function axisOf(axis: number, rank: number): number {
  const index = axis < 0 ? axis + rank : axis;
  if (!(index >= 0 && index <= rank)) throw unclear();
  return index;
}

function elements(shape: Shape): number {
  return shape.reduce((count, size) => count * size, 1);
}

function broadcast(a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) => {
    const one = a[axis - rank + a.length] ?? 1;
    const other = b[axis - rank + b.length] ?? 1;
    return one === 1 ? other : one;
  });
}

function product(a: Shape, b: Shape): Shape {
  if (a.length === 0 || b.length === 0) throw unclear();
  const rows = a.length === 1 ? [] : [at(a, -2)];
  const columns = b.length === 1 ? [] : [at(b, -1)];
  return [...broadcast(a.slice(0, -2), b.slice(0, -2)), ...rows, ...columns];
}

function multipliesMatrices(node: NodeView): readonly Shape[] {
  const rows = at(node.shape(0), node.int("transA", 0) === 0 ? 0 : 1);
  const columns = at(node.shape(1), node.int("transB", 0) === 0 ? 1 : 0);
  return [[rows, columns]];
}

/** `image` and `weights`: which inputs these are. */
function convolution(node: NodeView, image: number, weights: number): Shape {
  const [channels = 1, , ...kernel] = node.shape(weights);
  return windows(node, { image: node.shape(image), kernel, channels });
}

interface Windows {
  /** [batch, channels, ...places] */
  readonly image: Shape;
  readonly kernel: Shape;
  /** Of the result. */
  readonly channels: number;
}

/** What a window that moves over an image gives. */
function windows(node: NodeView, { image, kernel, channels }: Windows): Shape {
  const axes = image.length - 2;
  const pads = node.ints("pads");
  const isPaddedToSize = node.text("auto_pad").startsWith("SAME");
  const places = image.slice(2).map((size, axis) => {
    const stride = node.ints("strides")[axis] ?? 1;
    if (isPaddedToSize) return Math.ceil(size / stride);
    const dilation = node.ints("dilations")[axis] ?? 1;
    const padded = size + (pads[axis] ?? 0) + (pads[axis + axes] ?? 0);
    const room = padded - dilation * (at(kernel, axis) - 1) - 1;
    const whole = node.int("ceil_mode", 0) === 0 ? Math.floor : Math.ceil;
    return whole(room / stride) + 1;
  });
  return [at(image, 0), channels, ...places];
}

function reduced(node: NodeView): Shape {
  const shape = node.shape(0);
  const list = node.list(1, "axes");
  const axes = new Set((list ?? []).map((axis) => axisOf(axis, shape.length)));
  const isReduced = (axis: number) => axes.size === 0 || axes.has(axis);
  if (node.int("keepdims", 1) === 1) return shape.map((size, axis) => (isReduced(axis) ? 1 : size));
  return shape.filter((_, axis) => !isReduced(axis));
}

function argReduces(node: NodeView): readonly Shape[] {
  const shape = node.shape(0);
  const reducedAxis = axisOf(node.int("axis", 0), shape.length);
  if (node.int("keepdims", 1) === 0) return [shape.filter((_, axis) => axis !== reducedAxis)];
  return [shape.map((size, axis) => (axis === reducedAxis ? 1 : size))];
}

function concatenates(node: NodeView): readonly Shape[] {
  const shapes = node.shapes();
  const first = known(shapes[0]);
  const joined = axisOf(node.int("axis", 0), first.length);
  return [
    first.map((size, axis) =>
      axis === joined ? shapes.reduce((sum, shape) => sum + at(shape, axis), 0) : size,
    ),
  ];
}

function flattens(node: NodeView): readonly Shape[] {
  const shape = node.shape(0);
  const axis = axisOf(node.int("axis", 1), shape.length);
  return [[elements(shape.slice(0, axis)), elements(shape.slice(axis))]];
}

function gathers(node: NodeView): readonly Shape[] {
  const shape = node.shape(0);
  const axis = axisOf(node.int("axis", 0), shape.length);
  return [[...shape.slice(0, axis), ...node.shape(1), ...shape.slice(axis + 1)]];
}

function reshapes(node: NodeView): readonly Shape[] {
  const from = node.shape(0);
  const wanted = node.integers(1).map((size, axis) => (size === 0 ? at(from, axis) : size));
  const others = elements(wanted.filter((size) => size !== -1));
  return [wanted.map((size) => (size === -1 ? elements(from) / others : size))];
}

function slices(node: NodeView): readonly Shape[] {
  const shape = [...node.shape(0)];
  const starts = known(node.list(1, "starts"));
  const ends = known(node.list(2, "ends"));
  const axes = node.list(3, "axes");
  const steps = node.list(4, "steps");
  for (const [index, start] of starts.entries()) {
    const axis = axisOf(axes?.[index] ?? index, shape.length);
    const size = at(shape, axis);
    const place = (position: number) => Math.min(size, position < 0 ? position + size : position);
    const step = steps?.[index] ?? 1;
    // From the end to the start: no more than all of it.
    if (step < 1) continue;
    const length = place(at(ends, index)) - Math.max(0, place(start));
    shape[axis] = Math.max(0, Math.ceil(length / step));
  }
  return [shape];
}

function splits(node: NodeView): readonly Shape[] {
  const shape = node.shape(0);
  const split = axisOf(node.int("axis", 0), shape.length);
  const count = node.outputCount;
  const sizes = node.list(1, "split") ?? [];
  const even = Math.ceil(at(shape, split) / count);
  return Array.from({ length: count }, (_, index) =>
    shape.map((size, axis) => (axis === split ? (sizes[index] ?? even) : size)),
  );
}

function squeezes(node: NodeView): readonly Shape[] {
  const shape = node.shape(0);
  const list = node.list(1, "axes");
  if (list === undefined) return [shape.filter((size) => size !== 1)];
  const axes = new Set(list.map((axis) => axisOf(axis, shape.length)));
  return [shape.filter((_, axis) => !axes.has(axis))];
}

function unsqueezes(node: NodeView): readonly Shape[] {
  const list = known(node.list(1, "axes"));
  const shape = [...node.shape(0)];
  const rank = shape.length + list.length;
  for (const axis of list.map((each) => axisOf(each, rank)).sort((a, b) => a - b)) {
    shape.splice(axis, 0, 1);
  }
  return [shape];
}

function transposes(node: NodeView): readonly Shape[] {
  const shape = node.shape(0);
  const order = node.ints("perm");
  return [order.length === 0 ? shape.toReversed() : order.map((axis) => at(shape, axis))];
}

/** The sizes that a Shape gives: of all dimensions, or from `start` up to `end`. */
function sizesOf(node: NodeView): Shape {
  const shape = node.shape(0);
  return shape.slice(node.int("start", 0), node.int("end", shape.length));
}

/** [steps, directions, batch, hidden], and the last step's of it once or twice. */
function recurrent(node: NodeView): readonly Shape[] {
  const [steps = 1, batch = 1] = node.shape(0);
  const [directions = 1] = node.shape(1);
  const last = [directions, batch, node.int("hidden_size", 1)];
  return [[steps, ...last], last, last];
}

import { datatype } from "./datatypes.ts";
import { shownSizes, sliceRanges, splitSizes, transposition } from "./layout.ts";
import { at, axisOf, elements, known, type NodeView, type Shape, unclear } from "./node-view.ts";

// The numbers from which shapes are computed are followed through the graph, as long as they are few: this is
// how exporters write "as many rows as the input has".

/** More than any list of sizes, masks or the indices between them. */
const maxValues = 1024;

type Values = readonly number[];
/** The node's first output, whose shape and datatype are known. */
type Evaluate = (node: NodeView, result: { shape: Shape; datatype: number }) => Values;

const floating = new Set([1, 10, 11, 16]);
const isFloating = (type: number) => floating.has(type);

const unary =
  (compute: (x: number) => number): Evaluate =>
  (node) =>
    node.values(0).map(compute);

/** Element by element, the shorter ones repeated as their shapes say. */
const combined =
  (compute: (a: number, b: number) => number): Evaluate =>
  (node, { shape }) => {
    const operands = node.node.inputs.map((_, input) => spread(node, { input, shape }));
    return known(operands[0]).map((_, index) =>
      operands.map((operand) => at(operand, index)).reduce(compute),
    );
  };
const compared = (compute: (a: number, b: number) => boolean) =>
  combined((a, b) => Number(compute(a, b)));

/** An input's numbers, as many as `shape` has. */
function spread(node: NodeView, { input, shape }: { input: number; shape: Shape }): Values {
  const values = node.values(input);
  const from = node.shape(input);
  const missing = shape.length - from.length;
  return moved(shape, (place) =>
    at(
      values,
      indexOf(
        place.slice(missing).map((at, axis) => (from[axis] === 1 ? 0 : at)),
        from,
      ),
    ),
  );
}

/** Numbers in the given shape, each from its position. */
function moved(shape: Shape, read: (place: readonly number[]) => number): Values {
  const place = shape.map(() => 0);
  return Array.from({ length: elements(shape) }, () => {
    const value = read(place);
    for (let axis = place.length - 1; axis >= 0; axis--) {
      const next = (place[axis] ?? 0) + 1;
      place[axis] = next === shape[axis] ? 0 : next;
      if (next !== shape[axis]) break;
    }
    return value;
  });
}

function indexOf(place: readonly number[], shape: Shape): number {
  return place.reduce((index, position, axis) => index * (shape[axis] ?? 1) + position, 0);
}

const same: Evaluate = (node) => node.values(0);

const casts: Evaluate = (node, result) => {
  if (result.datatype === datatype.bool) return node.values(0).map((x) => Number(x !== 0));
  if (isFloating(result.datatype)) return node.values(0);
  return node.values(0).map(Math.trunc);
};

const divides: Evaluate = (node, result) => {
  const isExact = isFloating(result.datatype);
  return combined((a, b) => (isExact ? a / b : Math.trunc(a / b)))(node, result);
};

const modulo: Evaluate = (node, result) => {
  const takesSignOfFirst = node.int("fmod", 0) !== 0;
  return combined((a, b) => (takesSignOfFirst ? a % b : ((a % b) + b) % b))(node, result);
};

const chooses: Evaluate = (node, { shape }) => {
  const [condition, one, other] = [0, 1, 2].map((input) => spread(node, { input, shape }));
  return known(condition).map((chosen, index) => at(known(chosen === 0 ? other : one), index));
};

const gathers: Evaluate = (node, { shape }) => {
  const from = node.shape(0);
  const axis = axisOf(node.int("axis", 0), from.length);
  const values = node.values(0);
  const indices = node.values(1);
  const indexShape = node.shape(1);
  const after = axis + indexShape.length;
  return moved(shape, (place) => {
    const index = at(indices, indexOf(place.slice(axis, after), indexShape));
    const chosen = index < 0 ? index + at(from, axis) : index;
    return at(values, indexOf([...place.slice(0, axis), chosen, ...place.slice(after)], from));
  });
};

const slices: Evaluate = (node, { shape }) => {
  const ranges = sliceRanges(node);
  const values = node.values(0);
  const from = node.shape(0);
  return moved(shape, (place) =>
    at(
      values,
      indexOf(
        place.map((position, axis) => {
          const range = known(ranges[axis]);
          return range.start + position * range.step;
        }),
        from,
      ),
    ),
  );
};

const transposes: Evaluate = (node, { shape }) => {
  const order = transposition(node);
  const values = node.values(0);
  const from = node.shape(0);
  return moved(shape, (place) =>
    at(
      values,
      indexOf(
        from.map((_, axis) => at(place, order.indexOf(axis))),
        from,
      ),
    ),
  );
};

const tiles: Evaluate = (node, { shape }) => {
  const values = node.values(0);
  const from = node.shape(0);
  return moved(shape, (place) =>
    at(
      values,
      indexOf(
        place.map((position, axis) => position % at(from, axis)),
        from,
      ),
    ),
  );
};

const concatenates: Evaluate = (node, { shape }) => {
  const joined = axisOf(node.int("axis", 0), shape.length);
  const parts = node.node.inputs.map((_, input) => ({
    values: node.values(input),
    shape: node.shape(input),
  }));
  return moved(shape, (place) => {
    let position = at(place, joined);
    for (const part of parts) {
      const size = at(part.shape, joined);
      if (position < size) {
        const inside = place.map((other, axis) => (axis === joined ? position : other));
        return at(part.values, indexOf(inside, part.shape));
      }
      position -= size;
    }
    throw unclear();
  });
};

const reduced =
  (compute: (values: Values) => number): Evaluate =>
  (node, { shape }) => {
    const from = node.shape(0);
    const list = node.list(1, "axes") ?? [];
    if (list.length === 0 && node.int("noop_with_empty_axes", 0) !== 0) return node.values(0);
    const axes = new Set(list.map((axis) => axisOf(axis, from.length)));
    const groups = Array.from({ length: elements(shape) }, (): number[] => []);
    const kept = from.flatMap((_, axis) => (axes.size > 0 && !axes.has(axis) ? [axis] : []));
    const keptShape = kept.map((axis) => at(from, axis));
    const values = node.values(0);
    let index = 0;
    moved(from, (place) => {
      const group =
        groups[
          indexOf(
            kept.map((axis) => at(place, axis)),
            keptShape,
          )
        ];
      known(group).push(at(values, index++));
      return 0;
    });
    return groups.map(compute);
  };

const constants: Evaluate = (node) => {
  const tensor = node.tensor("value");
  if (tensor !== undefined) return known(tensor.values);
  const single = node.attribute("value_int")?.int ?? node.attribute("value_float")?.float;
  if (single !== undefined) return [single];
  return node.attribute("value_ints") === undefined
    ? [...node.floats("value_floats")]
    : [...node.ints("value_ints")];
};

const fills: Evaluate = (node, { shape }) => {
  const tensor = node.tensor("value");
  const value = tensor === undefined ? 0 : at(known(tensor.values), 0);
  return new Array(elements(shape)).fill(value);
};

const findsNonZero: Evaluate = (node) => {
  const places: number[][] = [];
  const values = node.values(0);
  let index = 0;
  const rank = node.shape(0).length;
  moved(node.shape(0), (place) => {
    if (values[index++] !== 0) places.push([...place]);
    return 0;
  });
  return Array.from({ length: rank }, (_, axis) => places.map((place) => at(place, axis))).flat();
};

const sum = (values: Values) => values.reduce((total, value) => total + value, 0);
const product = (values: Values) => values.reduce((total, value) => total * value, 1);

const evaluators: Readonly<Record<string, Evaluate>> = {
  Abs: unary(Math.abs),
  Add: combined((a, b) => a + b),
  And: compared((a, b) => a !== 0 && b !== 0),
  Cast: casts,
  CastLike: casts,
  Ceil: unary(Math.ceil),
  Concat: concatenates,
  Constant: constants,
  ConstantOfShape: fills,
  Div: divides,
  Equal: compared((a, b) => a === b),
  Expand: (node, { shape }) => spread(node, { input: 0, shape }),
  Flatten: same,
  Floor: unary(Math.floor),
  Gather: gathers,
  Greater: compared((a, b) => a > b),
  GreaterOrEqual: compared((a, b) => a >= b),
  Identity: same,
  Less: compared((a, b) => a < b),
  LessOrEqual: compared((a, b) => a <= b),
  Max: combined((a, b) => Math.max(a, b)),
  Min: combined((a, b) => Math.min(a, b)),
  Mod: modulo,
  Mul: combined((a, b) => a * b),
  Neg: unary((x) => -x),
  NonZero: findsNonZero,
  Not: unary((x) => Number(x === 0)),
  Or: compared((a, b) => a !== 0 || b !== 0),
  Pow: combined((a, b) => a ** b),
  Range: (node, { shape }) =>
    Array.from({ length: at(shape, 0) }, (_, step) => node.scalar(0) + step * node.scalar(2)),
  Reciprocal: unary((x) => 1 / x),
  ReduceMax: reduced((values) => Math.max(...values)),
  ReduceMean: reduced((values) => sum(values) / values.length),
  ReduceMin: reduced((values) => Math.min(...values)),
  ReduceProd: reduced(product),
  ReduceSum: reduced(sum),
  Relu: unary((x) => Math.max(0, x)),
  Reshape: same,
  Shape: (node) => shownSizes(node),
  Sign: unary(Math.sign),
  Size: (node) => [elements(node.shape(0))],
  Slice: slices,
  Sqrt: unary(Math.sqrt),
  Squeeze: same,
  Sub: combined((a, b) => a - b),
  Tile: tiles,
  Transpose: transposes,
  Unsqueeze: same,
  Where: chooses,
  Xor: compared((a, b) => (a !== 0) !== (b !== 0)),
};

/** The numbers of each output, undefined where they are not known before a run or too many. */
export function outputValues(
  node: NodeView,
  results: readonly { readonly shape: Shape; readonly datatype: number }[],
): readonly (Values | undefined)[] {
  const { op, domain } = node.node;
  const isFew = results.every(({ shape }) => elements(shape) <= maxValues);
  if (domain !== "" || !isFew) return [];
  try {
    if (op === "Split") return splitValues(node, results);
    const evaluate = evaluators[op];
    const [result] = results;
    if (evaluate === undefined || result === undefined) return [];
    const values = evaluate(node, result);
    return values.length === elements(result.shape) ? [rounded(values, result.datatype)] : [];
  } catch {
    return [];
  }
}

function splitValues(node: NodeView, results: readonly { readonly shape: Shape }[]) {
  const { axis, sizes } = splitSizes(node);
  const values = node.values(0);
  const from = node.shape(0);
  return results.map(({ shape }, part) => {
    const before = sum(sizes.slice(0, part));
    return moved(shape, (place) =>
      at(
        values,
        indexOf(
          place.map((p, index) => (index === axis ? p + before : p)),
          from,
        ),
      ),
    );
  });
}

/** As a kernel with that datatype represents them. */
function rounded(values: Values, type: number): Values {
  return type === datatype.float ? values.map(Math.fround) : values;
}

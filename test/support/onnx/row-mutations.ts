import { one } from "../../../src/engine/onnx/rows/count.ts";
import type { RowNode, RowRule } from "../../../src/engine/onnx/rows/node.ts";
import { type RowOperators, rowOperators } from "../../../src/engine/onnx/rows/operators.ts";
import { type RowValue, withDims } from "../../../src/engine/onnx/rows/value.ts";

/** A fault planted in the table of operators. */
export interface RowMutation {
  /** What the table then says wrongly. */
  readonly claim: string;
  readonly rules: Readonly<Record<string, RowRule>>;
  /** Growths of `random-operators.ts` that bring the operator about. */
  readonly growths: readonly string[];
}

export function mutated({ rules }: RowMutation): RowOperators {
  const table = new Map(rowOperators);
  for (const [op, rule] of Object.entries(rules)) {
    if (!table.has(op)) throw new Error(`the table has no ${op}`);
    table.set(op, rule);
  }
  return table;
}

function ignoreFrom(node: RowNode, index: number): void {
  for (let at = index; at < node.inputCount; at++) node.ignore(at);
}

/** All outputs are as the first input, whatever the others are. */
const passes: RowRule = (node) => {
  ignoreFrom(node, 1);
  const value = node.value(0);
  return Array.from({ length: node.outputCount }, () => withDims(value, node.dims(value)));
};

/** The first input that has rows, whatever meets it. */
const passesRows: RowRule = (node) => {
  const values = node.values();
  const value = values.find(({ rows }) => rows !== undefined) ?? (values[0] as RowValue);
  return [withDims(value, node.dims(value))];
};

/** Passes the first input, in the rank that `rank` makes of its own, with its rows first. */
const passesFirst =
  (rank: (node: RowNode, own: number) => number): RowRule =>
  (node) => {
    ignoreFrom(node, 1);
    const value = node.value(0);
    const count = rank(node, node.dims(value).length);
    return Array.from({ length: node.outputCount }, () => withDims(value, node.sizes(count), 0));
  };

const sameRank = passesFirst((_, rank) => rank);

/** The usual rule on operands of which `blind` has no rows. */
const withoutRowsOf =
  (op: string, blind: number): RowRule =>
  (node) => {
    const rule = rowOperators.get(op) as RowRule;
    const seen = node.value(blind);
    const blinded = Object.create(node, {
      value: {
        value: (index: number) =>
          index === blind ? { dims: seen.dims?.map(() => one) } : node.value(index),
      },
    }) as RowNode;
    return rule.call(undefined, bound(blinded, node));
  };

/** Private fields are only found on the very object that has them. */
function bound(blinded: RowNode, node: RowNode): RowNode {
  return new Proxy(blinded, {
    get(target, name) {
      if (name === "value") return target.value;
      const found = Reflect.get(node, name, node) as unknown;
      return typeof found === "function" ? found.bind(node) : found;
    },
  });
}

const basic = ["unary", "binary"];

function mutation(
  claim: string,
  rules: RowMutation["rules"],
  growths: readonly string[],
): RowMutation {
  return { claim, rules, growths: [...growths, ...growths, ...basic] };
}

const reductions = [
  "ReduceSum",
  "ReduceMean",
  "ReduceMax",
  "ReduceMin",
  "ReduceL1",
  "ReduceL2",
  "ReduceProd",
  "ReduceLogSumExp",
  "ReduceSumSquare",
];

/** One by one, each must be seen by random graphs. Faults with which no graph answers as many rows as it
 *  gets, such as those of Pad, are left to the tests of single operators. */
export const rowMutations: readonly RowMutation[] = [
  mutation("sums over the rows are those of each row", { CumSum: passes }, ["CumSum"]),
  mutation("Softmax works inside of rows, whatever its axis", { Softmax: passes }, ["Softmax"]),
  mutation("LogSoftmax does", { LogSoftmax: passes }, ["LogSoftmax"]),
  mutation("Hardmax does", { Hardmax: passes }, ["Hardmax"]),
  mutation(
    "reductions keep the rows, whatever their axes",
    Object.fromEntries(reductions.map((op) => [op, sameRank])),
    ["reduces", "binary"],
  ),
  mutation("norms are of each row", { LpNormalization: passes }, ["LpNormalization"]),
  mutation("LayerNormalization is of each row", { LayerNormalization: passes }, ["normalizes"]),
  mutation("the largest are those of each row", { TopK: passes }, ["TopK"]),
  mutation(
    "the scale of DynamicQuantizeLinear is a constant",
    {
      DynamicQuantizeLinear: (node) => [...passes(node).slice(0, 1), { dims: [] }, { dims: [] }],
    },
    ["quantizes"],
  ),
  mutation("addition may combine anything", { Add: passesRows, Sub: passesRows, Mul: passesRows }, [
    "Transpose",
    "binary",
    "unsqueezes",
  ]),
  mutation("comparisons may", { Less: passesRows, Equal: passesRows, Greater: passesRows }, [
    "comparing",
    "Transpose",
    "Slice",
    "unsqueezes",
  ]),
  mutation("Where may", { Where: passesRows }, ["Where", "comparing", "unsqueezes"]),
  mutation("the right matrix has no rows", { MatMul: withoutRowsOf("MatMul", 1) }, [
    "MatMul",
    "Transpose",
  ]),
  mutation("the left matrix may be summed up over its rows", { Gemm: sameRank }, [
    "Gemm",
    "Transpose",
  ]),
  mutation("letters do not matter", { Einsum: sameRank }, ["Einsum"]),
  mutation("turned axes stay where they are", { Transpose: sameRank }, ["Transpose", "CumSum"]),
  mutation(
    "a new shape has its rows first",
    {
      Reshape: passesFirst((node) => node.counts(1).length),
    },
    ["joinsAxes", "reshapes", "CumSum", "Transpose"],
  ),
  mutation("slices are taken of each row", { Slice: passes }, ["Slice"]),
  mutation("rows may be looked up", { Gather: withoutRowsOf("Gather", 0) }, [
    "Gather",
    "TopK",
    "toTable",
  ]),
  mutation("elements are looked up in their rows", { GatherElements: passes }, ["gathersElements"]),
  mutation("elements are put into their rows", { ScatterElements: passes }, ["gathersElements"]),
  mutation("a triangle is taken of each row", { Trilu: passes }, ["Trilu"]),
  mutation("the diagonal is the same for each row", { EyeLike: passes }, ["EyeLike"]),
  mutation(
    "numbers of rows are all alike",
    {
      Range: (node) => {
        const rows = { axis: 0, outer: one, inner: one };
        ignoreFrom(node, 0);
        return [withDims({ dims: [one], rows }, [one])];
      },
    },
    ["counts", "averages"],
  ),
  mutation(
    "the number of rows is a constant",
    {
      Cast: (node) => {
        if (node.elements(0) !== undefined) return [{ dims: [one] }];
        return passes(node);
      },
    },
    ["averages"],
  ),
  mutation("found elements are rows", { NonZero: sameRank, Unique: sameRank }, ["finds"]),
  mutation("places of maxima do not count the rows", { MaxPool: sameRank }, ["pools"]),
  mutation("averages of images are of each row", { MeanVarianceNormalization: passes }, [
    "normalizesImages",
  ]),
  mutation("steps of a sequence may be rows", { LSTM: sameRank, GRU: sameRank, RNN: sameRank }, [
    "recurs",
    "squeezes",
  ]),
  mutation("lists are turned round in rows", { ReverseSequence: passes }, ["ReverseSequence"]),
  mutation(
    "a list is as good as a table",
    {
      "ai.onnx.ml:Normalizer": passes,
      "ai.onnx.ml:Scaler": passes,
      "ai.onnx.ml:Imputer": passes,
    },
    ["scales"],
  ),
  mutation("texts are taken out of rows", { StringNormalizer: passes }, ["normalizesTexts"]),
  mutation("frequencies are of each row", { DFT: passes }, ["transformsFrequencies", "unsqueezes"]),
];

import type { Datatype } from "../../../src/base/tensor.ts";
import { type DraftValue, type GraphDraft, NoUse } from "./graph-draft.ts";
import { growImages } from "./random-images.ts";
import { growLayouts } from "./random-layouts.ts";
import { growLearners } from "./random-learners.ts";
import { growSequences } from "./random-sequences.ts";

/** Adds an operator, or a few that belong together, to a draft. */
export type Grow = (draft: GraphDraft) => void;

const isFloat = ({ datatype }: DraftValue) => datatype === "FP32" || datatype === "FP64";

const isNumber = ({ datatype }: DraftValue) => datatype !== "BYTES" && datatype !== "BOOL";
const isBool = ({ datatype }: DraftValue) => datatype === "BOOL";
const any = () => true;

/** TensorProto.DataType */
const typeNumbers: Partial<Record<Datatype, number>> = {
  FP32: 1,
  UINT8: 2,
  INT8: 3,
  INT32: 6,
  INT64: 7,
  BYTES: 8,
  BOOL: 9,
  FP16: 10,
  FP64: 11,
};

function one(op: string, accepts: (value: DraftValue) => boolean, attributes = {}): Grow {
  return (draft) => void draft.node(op, [draft.pick(accepts)], attributes);
}

/** Another value of the same datatype, or a constant of a shape that may broadcast. */
function partner(draft: GraphDraft, value: DraftValue): DraftValue | string {
  if (draft.chance(55)) {
    return draft.pick(({ datatype, name }) => datatype === value.datatype && name !== value.name);
  }
  const length = draft.random.below(value.rank + 1);
  const shape = (value.traces[0]?.shape ?? []).slice(value.rank - length);
  const isInteger = /INT/.test(value.datatype);
  const sizes = shape.map((size) => (draft.chance(40) ? 1 : size));
  const count = sizes.reduce((product, size) => product * size, 1);
  // No zeros: the engine divides integers without asking.
  const values = Array.from({ length: count }, () => 1 + draft.random.below(3));
  return draft.constant(value.datatype, sizes, isInteger ? values : undefined);
}

function two(op: string, accepts: (value: DraftValue) => boolean): Grow {
  return (draft) => {
    const a = draft.pick(accepts);
    const b = partner(draft, a);
    draft.node(op, draft.chance(70) ? [a, b] : [b, a]);
  };
}

/** Divisors are constants, without zeros. */
function divides(op: string): Grow {
  return (draft) => {
    const a = draft.pick(isNumber);
    const shape = draft.chance(50) ? [] : (a.traces[0]?.shape ?? []).slice(-1);
    const count = shape[0] ?? 1;
    const values = Array.from({ length: count }, () => 1 + draft.random.below(3));
    const isMod = op === "Mod" && isSmallFloat(a.datatype);
    const halfBits = a.datatype === "FP16" ? values.map(() => 0x4000) : values;
    draft.node(op, [a, draft.constant(a.datatype, shape, halfBits)], isMod ? { fmod: 1 } : {});
  };
}

function isSmallFloat(datatype: Datatype): boolean {
  return datatype.startsWith("FP");
}

const casts: Grow = (draft) => {
  const value = draft.pick(any);
  const to = draft.random.pick<Datatype>([
    "FP32",
    "INT64",
    "INT32",
    "BOOL",
    "FP64",
    "FP16",
    "UINT8",
  ]);
  if (value.datatype === "BYTES" || to === value.datatype) throw new NoUse();
  // Floats that do not fit are undefined behaviour.
  if (to === "UINT8" && value.datatype !== "BOOL") throw new NoUse();
  draft.node("Cast", [value], { to: typeNumbers[to] ?? 1 });
};

const chooses: Grow = (draft) => {
  const condition = draft.pick(isBool);
  const yes = draft.pick(any);
  draft.node("Where", [condition, yes, partner(draft, yes)]);
};

const reduces: Grow = (draft) => {
  const value = draft.pick((candidate) => isNumber(candidate) && candidate.rank > 0);
  const op = draft.random.pick([
    "ReduceSum",
    "ReduceMean",
    "ReduceMax",
    "ReduceMin",
    "ReduceL2",
    "ReduceProd",
    "ReduceLogSumExp",
    "ReduceSumSquare",
    "ReduceL1",
  ]);
  const keepdims = draft.random.below(2);
  const asInput = op === "ReduceSum" ? draft.opset >= 13 : draft.opset >= 18;
  const axis = draft.axis(value) - (draft.chance(40) ? value.rank : 0);
  if (draft.chance(10)) {
    const noop = draft.chance(50) && asInput ? { noop_with_empty_axes: 1 } : {};
    draft.node(op, [value], { keepdims, ...noop });
  } else if (asInput) draft.node(op, [value, draft.integers(axis)], { keepdims });
  else draft.node(op, [value], { keepdims, axes: [axis] });
};

function along(op: string, accepts = isFloat): Grow {
  return (draft) => {
    const value = draft.pick((candidate) => accepts(candidate) && candidate.rank > 0);
    const axis = draft.axis(value) - (draft.chance(40) ? value.rank : 0);
    draft.node(op, [value], draft.chance(15) ? {} : { axis });
  };
}

const accumulates: Grow = (draft) => {
  const value = draft.pick((candidate) => isNumber(candidate) && candidate.rank > 0);
  const axis = draft.constant("INT64", [], [draft.axis(value)]);
  draft.node("CumSum", [value, axis], { reverse: draft.random.below(2) });
};

const findsLargest: Grow = (draft) => {
  const value = draft.pick((candidate) => isFloat(candidate) && candidate.rank > 0);
  const axis = draft.axis(value);
  draft.node("TopK", [value, draft.integers(1)], { axis }, { outputs: 2 });
};

const findsPlace: Grow = (draft) => {
  const value = draft.pick((candidate) => isFloat(candidate) && candidate.rank > 0);
  const axis = draft.axis(value);
  draft.node(draft.random.pick(["ArgMax", "ArgMin"]), [value], {
    axis,
    keepdims: draft.random.below(2),
  });
};

const normalizes: Grow = (draft) => {
  const value = draft.pick((candidate) => candidate.datatype === "FP32" && candidate.rank > 1);
  const axis = draft.axis(value);
  const shape: number[] = [];
  const isSingle = draft.chance(40);
  for (let at = axis; at < value.rank; at++) shape.push(isSingle ? 1 : draft.size(value, at));
  const scale = draft.constant("FP32", shape);
  const name = draft.opset >= 23 && draft.chance(50) ? "RMSNormalization" : "LayerNormalization";
  draft.node(name, [value, scale], { axis });
};

const skips: Grow = (draft) => {
  const value = draft.pick((candidate) => candidate.datatype === "FP32" && candidate.rank === 3);
  const size = draft.size(value, 2);
  const other = draft.chance(50)
    ? draft.pick((candidate) => candidate.datatype === "FP32" && candidate.rank === 3)
    : draft.constant("FP32", [1, draft.size(value, 1), size]);
  const list = () => draft.constant("FP32", [size]);
  draft.node(
    "SkipLayerNormalization",
    [value, other, list(), list()],
    {},
    { domain: "com.microsoft" },
  );
};

const multiplies: Grow = (draft) => {
  const a = draft.pick((value) => isFloat(value) && value.rank > 0);
  if (draft.chance(40)) {
    const b = draft.pick((value) => value.datatype === a.datatype && value.rank > 0);
    draft.node("MatMul", [a, b]);
    return;
  }
  if (draft.chance(75)) {
    const inner = draft.size(a, a.rank - 1);
    draft.node("MatMul", [a, draft.constant(a.datatype, [inner, 1 + draft.random.below(4)])]);
  } else if (a.rank > 1) {
    const inner = a.traces[0]?.shape[a.rank - 2] ?? 1;
    draft.node("MatMul", [draft.constant(a.datatype, [1 + draft.random.below(3), inner]), a]);
  }
};

const multipliesAndAdds: Grow = (draft) => {
  const a = draft.pick((value) => isFloat(value) && value.rank === 2);
  if (draft.chance(25)) {
    const other = draft.pick((value) => value.datatype === a.datatype && value.rank === 2);
    draft.node("Gemm", [a, other], {
      transA: draft.random.below(2),
      transB: draft.random.below(2),
    });
    return;
  }
  const transA = draft.chance(20) ? 1 : 0;
  const transB = draft.random.below(2);
  const inner = draft.size(a, transA === 1 ? 0 : 1);
  const columns = 1 + draft.random.below(4);
  const b = draft.constant(a.datatype, transB === 1 ? [columns, inner] : [inner, columns]);
  const c = draft.chance(60)
    ? [draft.constant(a.datatype, draft.chance(50) ? [columns] : [1, columns])]
    : draft.chance(50)
      ? [draft.pick((value) => value.datatype === a.datatype && value.rank <= 2)]
      : [];
  draft.node("Gemm", [a, b, ...c], { transA, transB, alpha: { float: 0.5 } });
};

const fusesProduct: Grow = (draft) => {
  const a = draft.pick((value) => value.datatype === "FP32" && value.rank > 1);
  const inner = draft.size(a, a.rank - 1);
  draft.node(
    "FusedMatMul",
    [a, draft.constant("FP32", [2, inner])],
    { transB: 1, transA: 0 },
    { domain: "com.microsoft" },
  );
};

const sumsByLetters: Grow = (draft) => {
  const a = draft.pick((value) => value.datatype === "FP32" && value.rank > 0);
  const letters = "abcd".slice(0, a.rank);
  const kept = [...letters].filter(() => draft.chance(70)).join("");
  const order = draft.chance(30) ? [...kept].reverse().join("") : kept;
  if (draft.chance(50)) draft.node("Einsum", [a], { equation: `${letters}->${order}` });
  else {
    const b = draft.pick((value) => value.datatype === "FP32" && value.rank > 0);
    const others = [...letters.slice(0, b.rank)].map((letter) => (draft.chance(60) ? letter : "z"));
    if (others.length !== b.rank) throw new NoUse();
    draft.node("Einsum", [a, b], { equation: `${letters},${others.join("")}->${order}` });
  }
};

const quantizes: Grow = (draft) => {
  const value = draft.pick((candidate) => candidate.datatype === "FP32" && candidate.rank > 0);
  if (draft.chance(35)) {
    const [integers, scale, zero] = draft.node(
      "DynamicQuantizeLinear",
      [value],
      {},
      { outputs: 3 },
    );
    if (integers && scale && zero) draft.node("DequantizeLinear", [integers, scale, zero]);
    return;
  }
  const axis = draft.axis(value);
  const isByAxis = draft.chance(40) && draft.opset >= 13;
  const shape = isByAxis ? [value.traces[0]?.shape[axis] ?? 1] : [];
  const scales = Array.from({ length: shape[0] ?? 1 }, (_, at) => 0.25 + at);
  const scale = draft.constant("FP32", shape, scales);
  const zero = draft.constant(
    "UINT8",
    shape,
    scales.map(() => 8),
  );
  const attributes = isByAxis ? { axis } : {};
  const [integers] = draft.node("QuantizeLinear", [value, scale, zero], attributes);
  if (integers && draft.chance(70)) {
    draft.node("DequantizeLinear", [integers, scale, zero], attributes);
  }
};

/** What no shape can be foretold of. */
const finds: Grow = (draft) => {
  const value = draft.pick((candidate) => isFloat(candidate) && candidate.rank > 0);
  if (draft.chance(50)) draft.node("Unique", [value], {}, { outputs: 1 });
  else draft.node("NonZero", [value]);
};

const clips: Grow = (draft) => {
  const value = draft.pick((candidate) => candidate.datatype === "FP32");
  const low = draft.chance(80)
    ? draft.constant("FP32", [], [-1])
    : draft.pick(({ rank }) => rank < 2);
  draft.node("Clip", draft.opset < 11 ? [value] : [value, low]);
};

const unary =
  "Abs Neg Relu Sigmoid Tanh Exp Erf Floor Ceil Sin Softplus Softsign Elu LeakyRelu HardSigmoid Selu Sign Atan Round IsNaN Identity Reciprocal ThresholdedRelu Mish HardSwish Gelu";
const binary = "Add Sub Mul Max Min Sum Mean";
const comparing = "Equal Less Greater LessOrEqual GreaterOrEqual";

/** One of several operators that are alike. */
function anyOf(operators: string, make: (op: string) => Grow): Grow {
  const all = operators.split(" ").map(make);
  return (draft) => (all[draft.random.below(all.length)] as Grow)(draft);
}

/** By name; each has the same chance. */
export const growths: Readonly<Record<string, Grow>> = {
  unary: anyOf(unary, (op) => one(op, isNumber)),
  "more unary": anyOf(unary, (op) => one(op, isNumber)),
  binary: anyOf(binary, (op) => two(op, isNumber)),
  "more binary": anyOf(binary, (op) => two(op, isNumber)),
  "still more binary": anyOf(binary, (op) => two(op, isNumber)),
  comparing: anyOf(comparing, (op) => two(op, isNumber)),
  logic: anyOf("And Or Xor", (op) => two(op, isBool)),
  Not: one("Not", isBool),
  "Equal of texts": two("Equal", ({ datatype }) => datatype === "BYTES"),
  Div: divides("Div"),
  Mod: divides("Mod"),
  Pow: (draft) => void draft.node("Pow", [draft.pick(isFloat), draft.constant("FP32", [], [2])]),
  PRelu: two("PRelu", isFloat),
  Cast: casts,
  Clip: clips,
  Where: chooses,
  reduces,
  Softmax: along("Softmax"),
  LogSoftmax: along("LogSoftmax"),
  Hardmax: along("Hardmax"),
  LpNormalization: along("LpNormalization"),
  CumSum: accumulates,
  TopK: findsLargest,
  ArgMax: findsPlace,
  normalizes,
  skips,
  MatMul: multiplies,
  "MatMul again": multiplies,
  Gemm: multipliesAndAdds,
  FusedMatMul: fusesProduct,
  Einsum: sumsByLetters,
  quantizes,
  finds,
  ...growLayouts,
  ...growImages,
  ...growSequences,
  ...growLearners,
};

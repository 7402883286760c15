import { broadcast } from "./broadcast.ts";
import { isOne } from "./count.ts";
import type { RowNode, RowRule } from "./node.ts";
import { arithmeticOf } from "./size-arithmetic.ts";
import type { RowValue } from "./value.ts";

/** Operators whose output elements depend on the input elements at the same position. */
export const elementwise: RowRule = (node) => [
  arithmeticOf(node) ?? broadcast(node, node.values()),
];

/** One operand; the other inputs are parameters for all its elements. */
const mapsElements: RowRule = (node) => {
  const value = node.value(0);
  for (let index = 1; index < node.inputCount; index++) keepOff(node, value, index);
  return [broadcast(node, [value])];
};

/** The second input only provides a datatype. */
const castsLike: RowRule = (node) => {
  node.ignore(1);
  return [broadcast(node, [node.value(0)])];
};

/** Up to version 13, outputs for averages mean that the model is in training. */
const normalizesBatch: RowRule = (node) => {
  if (node.int("training_mode", 0) !== 0 || (node.opset < 14 && node.hasOutput(1))) {
    node.lose("takes averages over all rows, as in training");
  }
  node.fixedFrom(1);
  const value = node.value(0);
  if (value.rows !== undefined && value.rows.axis !== 0) node.lose("scales along the rows");
  return [broadcast(node, [value])];
};

const drops: RowRule = (node) => {
  if (node.opset < 7) node.lose("drops values at random");
  if (node.has(2)) {
    const isTraining = node.numbers(2)?.[0] !== 0;
    if (isTraining) node.lose("drops values at random");
  }
  node.fixedFrom(1);
  const value = broadcast(node, [node.value(0)]);
  return [value, { dims: value.dims, rows: value.rows }];
};

/** Scales and offsets: one for all, or several along an axis other than that of the rows. */
const quantizes: RowRule = (node) => {
  const value = node.value(0);
  const { rows } = value;
  const rank = value.dims?.length ?? 0;
  for (let index = 1; index < node.inputCount; index++) {
    const parameter = node.fixed(index);
    if (parameter === undefined || rows === undefined) continue;
    const dims = node.dims(parameter);
    if (dims.every(isOne)) continue;
    if (dims.length > 1) node.lose("scales blocks of the rows");
    if (node.axis(node.int("axis", 1), rank) === rows.axis) node.lose("scales along the rows");
  }
  return [broadcast(node, [value])];
};

/** Integers with one scale for all of them. */
const mapsQuantized: RowRule = (node) => {
  node.fixedFrom(1);
  return [broadcast(node, [node.value(0)])];
};

/** A, its scale and zero point, B, its scale and zero point, and those of the result. */
const combinesQuantized: RowRule = (node) => {
  scalars(node, [1, 2, 4, 5, 6, 7]);
  return [broadcast(node, [node.value(0), node.value(3)])];
};

export function scalars(node: RowNode, indices: readonly number[]): void {
  for (const index of indices) {
    const value = node.fixed(index);
    if (value !== undefined && !node.dims(value).every(isOne)) {
      node.lose(`has more than one number in input ${index}`);
    }
  }
}

/** A parameter must be the same for all rows; a list of numbers would be along the last axis. */
function keepOff(node: RowNode, value: RowValue, index: number): void {
  const parameter = node.fixed(index);
  if (parameter !== undefined && value.rows !== undefined) broadcast(node, [value, parameter]);
}

const broadcasting =
  "Add And BitShift BitwiseAnd BitwiseOr BitwiseXor Div Equal Greater GreaterOrEqual Less LessOrEqual Max Mean Min Mod Mul Or PRelu Pow StringConcat Sub Sum Where Xor";

const mapping =
  "Abs Acos Acosh Asin Asinh Atan Atanh BitwiseNot Cast Ceil Celu Cos Cosh Elu Erf Exp Floor Gelu HardSigmoid HardSwish Identity IsInf IsNaN LeakyRelu Log Mish Neg Not Reciprocal RegexFullMatch Relu Round Selu Shrink Sigmoid Sign Sin Sinh Softplus Softsign Sqrt Swish Tan Tanh ThresholdedRelu";

export const elementwiseRules: Readonly<Record<string, RowRule>> = {
  ...Object.fromEntries(`${broadcasting} ${mapping}`.split(" ").map((op) => [op, elementwise])),
  BatchNormalization: normalizesBatch,
  CastLike: castsLike,
  Clip: mapsElements,
  DequantizeLinear: quantizes,
  Dropout: drops,
  QuantizeLinear: quantizes,
  "com.microsoft:BiasGelu": elementwise,
  "com.microsoft:DequantizeLinear": quantizes,
  "com.microsoft:FastGelu": elementwise,
  "com.microsoft:Gelu": elementwise,
  "com.microsoft:QLinearAdd": combinesQuantized,
  "com.microsoft:QLinearLeakyRelu": mapsQuantized,
  "com.microsoft:QLinearMul": combinesQuantized,
  "com.microsoft:QLinearSigmoid": mapsQuantized,
  "com.microsoft:QuantizeLinear": quantizes,
  "com.microsoft:QuickGelu": elementwise,
};

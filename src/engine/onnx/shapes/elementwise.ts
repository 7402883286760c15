import { broadcasts, type Rule, ruleTable, type Shape, sameShape } from "./node-view.ts";

// Operators that keep their first input's shape, and those that broadcast.

/** Mean and deviation besides the result: one for each position before `axis`. */
const normalizes: Rule = (node) => {
  const shape = node.shape(0);
  const axis = node.int("axis", -1);
  const first = axis < 0 ? axis + shape.length : axis;
  const statistics = shape.map((size, index) => (index < first ? size : 1));
  return [shape, statistics, statistics];
};

const normalizesBatch: Rule = (node) => {
  const scale = node.shape(1);
  return [node.shape(0), scale, scale, scale, scale];
};

const loss: Rule = (node) => {
  const losses: Shape = node.text("reduction") === "none" ? node.shape(1) : [];
  return [losses, node.shape(0)];
};

export const elementwiseRules = ruleTable("", [
  [
    "Abs Acos Acosh Asin Asinh Atan Atanh Bernoulli BitwiseNot BitCast Cast CastLike Ceil Celu Clip Cos Cosh CumProd CumSum DequantizeLinear Elu Erf Exp EyeLike Floor Gelu GroupNormalization HardSigmoid HardSwish Hardmax Identity InstanceNormalization IsInf IsNaN LRN LeakyRelu Log LogSoftmax LpNormalization MeanVarianceNormalization Mish Neg Not Optional OptionalGetElement QuantizeLinear RMSNormalization RandomNormalLike RandomUniformLike Reciprocal RegexFullMatch Relu ReverseSequence RotaryEmbedding Round Scatter ScatterElements ScatterND Selu Shrink Sigmoid Sign Sin Sinh Softmax Softplus Softsign Sqrt SwiGLU Swish Tan Tanh TensorScatter ThresholdedRelu Trilu",
    sameShape,
  ],
  ["Dropout", (node) => [node.shape(0), node.shape(0)]],
  ["LayerNormalization SimplifiedLayerNormalization", normalizes],
  ["BatchNormalization", normalizesBatch],
  [
    "Add And BitShift BitwiseAnd BitwiseOr BitwiseXor Div Equal Greater GreaterOrEqual Less LessOrEqual Max Mean Min Mod Mul Or PRelu Pow StringConcat Sub Sum Where Xor",
    broadcasts,
  ],
  ["NegativeLogLikelihoodLoss SoftmaxCrossEntropyLoss", loss],
]);

/** One result for each tensor that it updates, which follow the rate and the step. */
const optimizes =
  (states: number): Rule =>
  (node) => {
    const tensors = Math.floor((node.inputCount - 2) / (states + 2));
    const updated = [0, ...Array.from({ length: states }, (_, state) => state + 2)];
    return updated.flatMap((group) =>
      Array.from({ length: tensors }, (_, index) => node.shape(2 + group * tensors + index)),
    );
  };

export const trainingRules = ruleTable("ai.onnx.preview.training", [
  ["Adagrad Momentum", optimizes(1)],
  ["Adam", optimizes(2)],
]);

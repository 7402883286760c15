import { classic, microsoft, type NodeView, ruleName } from "./node-view.ts";

// Datatypes of results, as TensorProto.DataType numbers: most are that of the first input.

export const datatype = {
  float: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  string: 8,
  bool: 9,
} as const;

type Choose = (node: NodeView, output: number) => number;

const always =
  (type: number): Choose =>
  () =>
    type;
const ofInput =
  (input: number): Choose =>
  (node) =>
    node.value(input).datatype;
const ofAttribute =
  (name: string, otherwise: Choose): Choose =>
  (node, output) =>
    node.attribute(name)?.int ?? otherwise(node, output);
const first =
  (main: Choose, others: Choose): Choose =>
  (node, output) =>
    (output === 0 ? main : others)(node, output);

const ofConstant: Choose = (node) => {
  const tensor = node.tensor("value") ?? node.tensor("sparse_value");
  if (tensor !== undefined) return tensor.datatype;
  const isGiven = (name: string) => node.attribute(name) !== undefined;
  if (isGiven("value_int") || isGiven("value_ints")) return datatype.int64;
  return isGiven("value_string") || isGiven("value_strings") ? datatype.string : datatype.float;
};

const ofZeroPoint: Choose = (node) =>
  node.has(2) ? node.value(2).datatype : node.int("output_dtype", 0) || datatype.uint8;

const labels: Choose = (node, output) => {
  if (output > 0) return datatype.float;
  return node.count("classlabels_strings") > 0 ? datatype.string : datatype.int64;
};

const encodedLabels: Choose = (node) => {
  const tensor = node.tensor("values_tensor");
  if (tensor !== undefined) return tensor.datatype;
  if (node.count("values_strings") > 0) return datatype.string;
  return node.count("values_floats") > 0 ? datatype.float : datatype.int64;
};

const rows: readonly (readonly [domain: string, ops: string, choose: Choose])[] = [
  [
    "",
    "And Equal Greater GreaterOrEqual IsInf IsNaN Less LessOrEqual Not OptionalHasElement Or RegexFullMatch Xor",
    always(datatype.bool),
  ],
  ["", "ArgMax ArgMin NonMaxSuppression NonZero SequenceLength Shape Size", always(datatype.int64)],
  ["", "MaxPool TopK Unique", first(ofInput(0), always(datatype.int64))],
  ["", "Dropout", first(ofInput(0), always(datatype.bool))],
  ["", "LayerNormalization", first(ofInput(0), always(datatype.float))],
  ["", "BitCast Cast", ofAttribute("to", ofInput(0))],
  ["", "CastLike Where", ofInput(1)],
  ["", "OneHot", ofInput(2)],
  ["", "Bernoulli EyeLike RandomNormalLike RandomUniformLike", ofAttribute("dtype", ofInput(0))],
  ["", "RandomNormal RandomUniform", ofAttribute("dtype", always(datatype.float))],
  ["", "Multinomial", ofAttribute("dtype", always(datatype.int32))],
  [
    "",
    "BlackmanWindow HammingWindow HannWindow MelWeightMatrix",
    ofAttribute("output_datatype", always(datatype.float)),
  ],
  ["", "Constant", ofConstant],
  ["", "ConstantOfShape", (node) => node.tensor("value")?.datatype ?? datatype.float],
  ["", "ConvInteger MatMulInteger", always(datatype.int32)],
  ["", "DequantizeLinear", ofAttribute("output_dtype", ofInput(1))],
  ["", "DynamicQuantizeLinear", (_, output) => (output === 1 ? datatype.float : datatype.uint8)],
  ["", "QLinearConv QLinearMatMul", ofInput(7)],
  ["", "QuantizeLinear", ofZeroPoint],
  ["", "TfIdfVectorizer", always(datatype.float)],
  [
    classic,
    "FeatureVectorizer Imputer LinearRegressor Normalizer OneHotEncoder SVMRegressor Scaler TreeEnsembleRegressor",
    always(datatype.float),
  ],
  [classic, "LinearClassifier SVMClassifier TreeEnsembleClassifier", labels],
  [classic, "LabelEncoder", encodedLabels],
  [
    classic,
    "CategoryMapper",
    (node) => (node.value(0).datatype === datatype.string ? datatype.int64 : datatype.string),
  ],
  [microsoft, "DequantizeLinear", ofInput(1)],
  [microsoft, "DynamicQuantizeMatMul MatMulIntegerToFloat", always(datatype.float)],
  [
    microsoft,
    "EmbedLayerNormalization",
    (node, output) => (output === 1 ? datatype.int32 : node.value(2).datatype),
  ],
  [microsoft, "GatherBlockQuantized QAttention", ofInput(2)],
  [microsoft, "MatMulInteger16", always(datatype.int32)],
  [microsoft, "QLinearConcat", ofInput(2)],
  [microsoft, "QLinearConv", ofInput(7)],
  [microsoft, "QuantizeLinear", ofZeroPoint],
];

const choices: ReadonlyMap<string, Choose> = new Map(
  rows.flatMap(([domain, ops, choose]) =>
    ops.split(" ").map((op): [string, Choose] => [ruleName({ op, domain }), choose]),
  ),
);

/** For one output; FP32 if nothing specifies it. */
export function outputDatatype(node: NodeView, output: number): number {
  try {
    return (choices.get(ruleName(node.node)) ?? ofInput(0))(node, output);
  } catch {
    return datatype.float;
  }
}

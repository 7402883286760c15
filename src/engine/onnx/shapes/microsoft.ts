import { convolution, convolutionRules, windows } from "./convolution.ts";
import { elementwiseRules } from "./elementwise.ts";
import { layoutRules } from "./layout.ts";
import { multipliesMatrices, product } from "./matrices.ts";
import {
  at,
  axisOf,
  broadcast,
  known,
  microsoft,
  type NodeView,
  type Rule,
  ruleTable,
  type Shape,
  sameShape,
  unclear,
  withSize,
} from "./node-view.ts";
import { selectionRules } from "./selection.ts";
import { sequenceRules } from "./sequences.ts";

// ONNX Runtime's own operators, as its optimizer and exporters write them: domain com.microsoft.

/** The rule of ONNX's own operator with that name. */
function own(op: string): Rule {
  for (const rules of [
    elementwiseRules,
    layoutRules,
    selectionRules,
    convolutionRules,
    sequenceRules,
  ]) {
    const rule = rules.get(op);
    if (rule !== undefined) return rule;
  }
  throw new Error(`${op} has no rule`);
}

/** Result, mean, deviation, and the sum that was normalized. */
const normalizesSum: Rule = (node) => {
  const shape = node.shape(0);
  const statistics = [...shape.slice(0, -1), 1];
  return [shape, statistics, statistics, shape];
};

const embeds: Rule = (node) => {
  const ids = node.shape(0);
  const embedded = [...ids, at(node.shape(2), -1)];
  return [embedded, [at(ids, 0)], embedded];
};

/** Matrices that are transposed first, or whose product is transposed. */
const multipliesTurned: Rule = (node) => {
  if (node.int("transBatchA", 0) !== 0 || node.int("transBatchB", 0) !== 0) throw unclear();
  const turned = (shape: Shape, isTurned: boolean) =>
    isTurned && shape.length >= 2 ? [...shape.slice(0, -2), at(shape, -1), at(shape, -2)] : shape;
  const a = turned(node.shape(0), node.int("transA", 0) !== 0);
  return [product(a, turned(node.shape(1), node.int("transB", 0) !== 0))];
};

/** Its weights are packed: their shape says nothing. */
const multipliesPacked: Rule = (node) => [
  [...node.shape(0).slice(0, -1), known(node.attribute("N")?.int)],
];

/** The projections of queries, keys and values in one: [batch, length, width]. */
const projectsAndAttends =
  (past: number): Rule =>
  (node) => {
    const [batch = 1, length = 1] = node.shape(0);
    const heads = node.int("num_heads", 1);
    const sizes = node.ints("qkv_hidden_sizes");
    const width = sizes[2] ?? at(node.shape(1), -1) / 3;
    const earlier = node.has(past) ? at(node.shape(past), 3) : 0;
    return [
      [batch, length, width],
      [2, batch, heads, earlier + length, width / heads],
    ];
  };

const attendsWithHeads: Rule = (node) => {
  const [batch = 1, length = 1] = node.shape(0);
  const heads = node.int("num_heads", 1);
  // Packed with keys and values: [batch, length, heads, 3, size].
  if (node.shape(0).length === 5) return [[batch, length, heads * at(node.shape(0), 4)]];
  const width = at(node.shape(0), -1);
  const keys = node.has(1) ? node.shape(1) : [];
  const values = node.has(2) ? node.shape(2) : [];
  const past = node.has(6) ? at(node.shape(6), 2) : 0;
  const keyLength = keys.length === 4 ? at(keys, 2) : (keys[1] ?? length);
  let valueWidth = width;
  if (values.length === 4) valueWidth = heads * at(values, 3);
  else if (values.length === 3) valueWidth = at(values, 2);
  return [
    [batch, length, valueWidth],
    [batch, heads, past + keyLength, width / heads],
    [batch, heads, past + keyLength, valueWidth / heads],
    [batch, heads, length, past + keyLength],
  ];
};

/** A cache may be as long as the model allows: then it does not grow. */
const attendsInGroups: Rule = (node) => {
  const [batch = 1, length = 1, width = 1] = node.shape(0);
  const heads = node.int("num_heads", 1);
  const ofKeys = node.int("kv_num_heads", 1);
  const isPacked = !node.has(1);
  const size = width / (isPacked ? heads + 2 * ofKeys : heads);
  const past = node.has(3) ? at(node.shape(3), 2) : 0;
  const total = node.valuesIfKnown(6)?.[0] ?? past + length;
  const present = [batch, ofKeys, Math.max(past, total), size];
  return [[batch, length, heads * size], present, present];
};

const quantizesProduct: Rule = (node) => [product(node.shape(0), node.shape(1))];

const quantizedConcatenates: Rule = (node) => {
  // Scale and zero point of the result, then three of each part.
  const parts = node.shapes().filter((_, index) => index >= 2 && (index - 2) % 3 === 0);
  const first = known(parts[0]);
  const axis = axisOf(node.int("axis", 0), first.length);
  return [
    withSize(
      first,
      axis,
      parts.reduce((sum, part) => sum + at(part, axis), 0),
    ),
  ];
};

const quantizedBroadcasts: Rule = (node) => [broadcast(node.shape(0), node.shape(3))];

/** With channels before or after the spatial dimensions. */
const quantizedPools =
  (isGlobal: boolean): Rule =>
  (node) => {
    const shape = node.shape(0);
    const isLast = node.int("channels_last", 0) !== 0;
    const image = isLast ? [at(shape, 0), at(shape, -1), ...shape.slice(1, -1)] : shape;
    const pooled = isGlobal
      ? image.map((size, axis) => (axis < 2 ? size : 1))
      : windows(node, { image, kernel: node.ints("kernel_shape"), channels: at(image, 1) });
    return [isLast ? [at(pooled, 0), ...pooled.slice(2), at(pooled, 1)] : pooled];
  };

const quantizedConvolves: Rule = (node) => {
  if (node.int("channels_last", 0) !== 0) throw unclear();
  return [convolution(node, 0, 3)];
};

/** Rows of a table that is stored in blocks of 4 or 8 bits. */
function gathersBlocks(node: NodeView): readonly Shape[] {
  const table = node.shape(0);
  const axis = axisOf(node.int("gather_axis", 0), table.length);
  const packed = 8 / node.int("bits", 4);
  // A UINT8 table packs several elements per byte; INT4 and UINT4 are counted individually.
  const width = node.value(0).datatype === 2 ? packed : 1;
  const whole = withSize(table, table.length - 1, at(table, -1) * width);
  return [[...whole.slice(0, axis), ...node.shape(1), ...whole.slice(axis + 1)]];
}

export const microsoftRules = ruleTable(microsoft, [
  [
    "BiasDropout BiasGelu BiasSoftmax DequantizeLinear FastGelu Gelu GroupNorm Inverse MoE QLinearLeakyRelu QLinearSigmoid QLinearSoftmax QMoE QuantizeLinear QuickGelu RotaryEmbedding Trilu",
    sameShape,
  ],
  ["SkipLayerNormalization SkipSimplifiedLayerNormalization", normalizesSum],
  ["EmbedLayerNormalization", embeds],
  ["FusedMatMul FusedMatMulActivation TransposeMatMul", multipliesTurned],
  ["FusedGemm", multipliesMatrices],
  ["FusedConv", own("Conv")],
  ["GatherND", own("GatherND")],
  ["Pad", own("Pad")],
  ["GridSample", own("GridSample")],
  ["Unique", own("Unique")],
  ["MatMulNBits MatMulBnb4 MatMulFpQ4", multipliesPacked],
  ["MatMulInteger16 MatMulIntegerToFloat DynamicQuantizeMatMul", quantizesProduct],
  ["QGemm", (node) => multipliesQuantized(node)],
  ["QLinearConv", quantizedConvolves],
  ["QLinearConcat", quantizedConcatenates],
  ["QLinearAdd QLinearMul", quantizedBroadcasts],
  ["QLinearAveragePool", quantizedPools(false)],
  ["QLinearGlobalAveragePool", quantizedPools(true)],
  ["Attention", projectsAndAttends(4)],
  ["QAttention", projectsAndAttends(8)],
  ["MultiHeadAttention", attendsWithHeads],
  ["GroupQueryAttention", attendsInGroups],
  ["DynamicQuantizeLSTM", own("LSTM")],
  ["GatherBlockQuantized", gathersBlocks],
  ["ExpandDims", (node) => expands(node)],
  ["CDist", (node) => [[at(node.shape(0), 0), at(node.shape(1), 0)]]],
  ["ComplexMul ComplexMulConj", (node) => [broadcast(node.shape(0), node.shape(1))]],
]);

function multipliesQuantized(node: NodeView): readonly Shape[] {
  const rows = at(node.shape(0), node.int("transA", 0) === 0 ? 0 : 1);
  const columns = at(node.shape(3), node.int("transB", 0) === 0 ? 1 : 0);
  return [[rows, columns]];
}

function expands(node: NodeView): readonly Shape[] {
  const shape = node.shape(0);
  const axis = axisOf(node.scalar(1), shape.length + 1);
  return [[...shape.slice(0, axis), 1, ...shape.slice(axis)]];
}

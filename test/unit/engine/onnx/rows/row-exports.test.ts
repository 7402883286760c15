import { describe } from "node:test";
import type { OnnxNode } from "../../../../support/models/onnx-builder.ts";
import { itDoubts, itProves, type RowCases } from "../../../../support/onnx/row-cases.ts";
import { node } from "../../../../support/onnx/short-graph.ts";

// Encoders as PyTorch's exporters and Optimum write them, by the operators that they are made of.

const width = 8;
const heads = 2;

/** The size of an axis of `of`, as a list of one, by way of a scalar. */
function size(to: string, of: string, axis: "zero" | "one"): OnnxNode[] {
  return [
    node(`${to}_shape = Shape(${of})`),
    node(`${to}_scalar = Gather(${to}_shape, ${axis})`, { axis: 0 }),
    node(`${to} = Unsqueeze(${to}_scalar, first)`),
  ];
}

/** LayerNormalization in parts. */
function normalize(to: string, from: string): OnnxNode[] {
  return [
    node(`${to}_mean = ReduceMean(${from})`, { axes: [-1] }),
    node(`${to}_less = Sub(${from}, ${to}_mean)`),
    node(`${to}_squares = Pow(${to}_less, number)`),
    node(`${to}_variance = ReduceMean(${to}_squares)`, { axes: [-1] }),
    node(`${to}_added = Add(${to}_variance, number)`),
    node(`${to}_root = Sqrt(${to}_added)`),
    node(`${to}_divided = Div(${to}_less, ${to}_root)`),
    node(`${to}_scaled = Mul(${to}_divided, list)`),
    node(`${to} = Add(${to}_scaled, list)`),
  ];
}

/** One of query, key and value: [rows, heads, steps, width of a head]. */
function project(to: string, perm: readonly number[]): OnnxNode[] {
  return [
    node(`${to}_product = MatMul(embedded, square)`),
    node(`${to}_sum = Add(list, ${to}_product)`),
    ...size(`${to}_rows`, `${to}_sum`, "zero"),
    ...size(`${to}_steps`, `${to}_sum`, "one"),
    node(`${to}_to = Concat(${to}_rows, ${to}_steps, heads)`, { axis: 0 }),
    node(`${to}_parts = Reshape(${to}_sum, ${to}_to)`),
    node(`${to} = Transpose(${to}_parts)`, { perm }),
  ];
}

const embedding = [
  node("words = Gather(table, ids)"),
  node("kinds = Gather(table, types)"),
  ...size("length", "ids", "one"),
  node("places = Slice(allPlaces, first, length, second)"),
  node("positions = Gather(table, places)"),
  node("sum = Add(words, kinds)"),
  node("all = Add(sum, positions)"),
  ...normalize("embedded", "all"),
];

const mask = [
  node("mask3 = Unsqueeze(mask, second)"),
  node("mask4 = Unsqueeze(mask3, third)"),
  node("maskFloat = Cast(mask4)", { to: 1 }),
  node("maskLess = Sub(number, maskFloat)"),
  node("bias = Mul(maskLess, number)"),
];

/** The mask of newer exports: [rows, 1, steps, steps] of yes and no. */
const expandedMask = [
  ...size("rows", "ids", "zero"),
  ...size("steps", "ids", "one"),
  node("mask3 = Unsqueeze(mask, second)"),
  node("mask4 = Unsqueeze(mask3, third)"),
  node("wide = Concat(rows, oneList, steps, steps)", { axis: 0 }),
  node("maskWide = Expand(mask4, wide)"),
  node("isMasked = Cast(maskWide)", { to: 9 }),
  node("zeros = ConstantOfShape(wide)"),
  node("bias = Where(isMasked, zeros, number)"),
];

const attention = [
  ...project("query", [0, 2, 1, 3]),
  ...project("key", [0, 2, 3, 1]),
  ...project("value", [0, 2, 1, 3]),
  node("scores = MatMul(query, key)"),
  node("scaled = Div(scores, number)"),
  node("masked = Add(scaled, bias)"),
  node("weights = Softmax(masked)", { axis: -1 }),
  node("context = MatMul(weights, value)"),
  node("turned = Transpose(context)", { perm: [0, 2, 1, 3] }),
  ...size("outRows", "turned", "zero"),
  ...size("outSteps", "turned", "one"),
  node("outTo = Concat(outRows, outSteps, widthList)", { axis: 0 }),
  node("joined = Reshape(turned, outTo)"),
  node("dense = MatMul(joined, square)"),
  node("residual = Add(dense, embedded)"),
  ...normalize("hidden", "residual"),
];

const firstToken = [
  node("token = Gather(hidden, zero)", { axis: 1 }),
  node("pooled = Gemm(token, square, list)", { transB: 1 }),
  node("y = Tanh(pooled)"),
];

/** The mean of the tokens that are not padding, at length one. */
const meanOfTokens = [
  node("m3 = Unsqueeze(mask, last)"),
  node("hiddenShape = Shape(hidden)"),
  node("mWide = Expand(m3, hiddenShape)"),
  node("mFloat = Cast(mWide)", { to: 1 }),
  node("kept = Mul(hidden, mFloat)"),
  node("keptSum = ReduceSum(kept, second)", { keepdims: 0 }),
  node("count = ReduceSum(mFloat, second)", { keepdims: 0 }),
  node("countSafe = Clip(count, number)"),
  node("mean = Div(keptSum, countSafe)"),
  node("norm = ReduceL2(mean)", { axes: [1], keepdims: 1 }),
  node("normSafe = Clip(norm, number)"),
  node("meanShape = Shape(mean)"),
  node("normWide = Expand(normSafe, meanShape)"),
  node("y = Div(mean, normWide)"),
];

const encoder = (nodes: readonly OnnxNode[]): RowCases[string] => ({
  inputs: { ids: ["batch", "steps"], mask: ["batch", "steps"], types: ["batch", "steps"] },
  datatypes: { ids: "INT64", mask: "INT64", types: "INT64" },
  nodes,
  constants: {
    table: { fp32: [50, width] },
    square: { fp32: [width, width] },
    list: { fp32: [width] },
    number: { fp32: [] },
    allPlaces: {
      name: "allPlaces",
      datatype: "INT64",
      shape: [1, 16],
      content: { raw: new Uint8Array(128) },
    },
    heads: [heads, width / heads],
    widthList: [width],
    oneList: [1],
    zero: 0,
    one: 1,
    first: [0],
    second: [1],
    third: [2],
    last: [-1],
  },
});

describe("rows of encoders", () => {
  itProves({
    "one that answers by its first token": encoder([
      ...embedding,
      ...mask,
      ...attention,
      ...firstToken,
    ]),
    "one that answers by the mean of its tokens": encoder([
      ...embedding,
      ...mask,
      ...attention,
      ...meanOfTokens,
    ]),
    "one with a mask that is expanded": encoder([
      ...embedding,
      ...expandedMask,
      ...attention,
      ...firstToken,
    ]),
  });
  itDoubts({
    "one whose mask is turned to the rows": [
      encoder([
        ...embedding,
        node("flat = Unsqueeze(mask, first)"),
        node("mask4 = Unsqueeze(flat, first)"),
        node("bias = Cast(mask4)", { to: 1 }),
        ...attention,
        ...firstToken,
      ]),
      /meet other rows/,
    ],
    "one that numbers its positions by how many rows there are": [
      encoder([
        ...embedding.map((each) =>
          each.outputs[0] === "length_scalar"
            ? node("length_scalar = Gather(length_shape, zero)")
            : each,
        ),
        ...mask,
        ...attention,
        ...firstToken,
      ]),
      /number of rows/,
    ],
  });
});

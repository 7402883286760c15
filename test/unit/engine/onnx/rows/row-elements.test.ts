import { describe } from "node:test";
import { itDoubts, itProves } from "../../../../support/onnx/row-cases.ts";
import { node } from "../../../../support/onnx/short-graph.ts";

const images = { x: ["n", 3, 8, 8] };
const sequences = { x: ["n", "s", 6] };
const two = { x: ["n", 4], z: ["n", 4] };

describe("rows of elementwise operators", () => {
  itProves({
    "a constant of fewer dimensions": {
      nodes: [node("y = Add(x, c)")],
      constants: { c: { fp32: [4] } },
    },
    "a constant with one element along them": {
      nodes: [node("y = Mul(c, x)")],
      constants: { c: { fp32: [1, 4] } },
    },
    "a constant of more dimensions, which moves them": {
      nodes: [node("a = Add(x, c)"), node("y = ReduceSum(a, k)", { keepdims: 0 })],
      constants: { c: { fp32: [3, 1, 4] }, k: [0] },
    },
    "other rows in the same place": { nodes: [node("y = Sub(x, z)")], inputs: two },
    "a choice by other rows": {
      nodes: [node("b = Less(x, z)"), node("y = Where(b, x, z)")],
      inputs: two,
    },
    "one datatype for another": { nodes: [node("y = CastLike(x, z)")], inputs: two },
    "Clip with bounds": { nodes: [node("y = Clip(x, c)")], constants: { c: { fp32: [] } } },
    BatchNormalization: {
      nodes: [node("y = BatchNormalization(x, c, c, c, c)")],
      inputs: images,
      constants: { c: { fp32: [3] } },
    },
    "Dropout that is no training": {
      nodes: [node("y = Dropout(x, r, t)")],
      constants: { r: { fp32: [] }, t: 0 },
    },
    "QuantizeLinear along another axis": {
      nodes: [node("y = QuantizeLinear(x, c)", { axis: 1 })],
      constants: { c: { fp32: [4] } },
    },
    QLinearAdd: {
      nodes: [node("y = com.microsoft:QLinearAdd(x, s, , z, s, , s)")],
      inputs: two,
      constants: { s: { fp32: [] } },
    },
  });
  itDoubts({
    "a list of constants along them": [
      {
        nodes: [node("y = Add(x, c)")],
        inputs: { x: ["n"] },
        constants: { c: { fp32: [3] } },
      },
      /differs along them/,
    ],
    "a constant that is as long as one request": [
      { nodes: [node("y = Add(x, c)")], constants: { c: { fp32: [2, 4] } } },
      /differs along them/,
    ],
    "themselves, turned": [
      { nodes: [node("t = Transpose(x)"), node("y = Add(x, t)")] },
      /meet other rows/,
    ],
    "rows that broadcast to another place": [
      { nodes: [node("y = Add(x, z)")], inputs: { x: ["n", "n"], z: ["n"] } },
      /meet other rows/,
    ],
    "a constant of unknown shape": [
      {
        nodes: [node("c = NonZero(k)"), node("t = Compress(c, k)"), node("y = Add(x, t)")],
        constants: { k: [1, 1] },
      },
      /not known ahead/,
    ],
    "their number as a value": [
      {
        nodes: [
          node("s = Shape(x)"),
          node("c = Gather(s, i)"),
          node("f = Cast(c)", { to: 1 }),
          node("y = Div(x, f)"),
        ],
        constants: { i: 0 },
      },
      /number of rows/,
    ],
    "their number under a name": [
      {
        nodes: [
          node("s = Size(x)"),
          node("r = Mod(s, c)"),
          node("f = Cast(r)", { to: 1 }),
          node("y = Div(x, f)"),
        ],
        constants: { c: 7 },
      },
      /number of rows/,
    ],
    "BatchNormalization in training": [
      {
        nodes: [node("y = BatchNormalization(x, c, c, c, c)", { training_mode: 1 })],
        constants: { c: { fp32: [4] } },
      },
      /training/,
    ],
    "BatchNormalization that gives averages": [
      {
        nodes: [node("y, m = BatchNormalization(x, c, c, c, c)")],
        opset: 9,
        constants: { c: { fp32: [4] } },
      },
      /training/,
    ],
    "BatchNormalization of turned images": [
      {
        nodes: [
          node("t = Transpose(x)"),
          node("b = BatchNormalization(t, c, c, c, c)"),
          node("y = Transpose(b)"),
        ],
        constants: { c: { fp32: [1] } },
      },
      /along the rows/,
    ],
    "Dropout in training": [
      { nodes: [node("y = Dropout(x, r, t)")], constants: { r: { fp32: [] }, t: 1 } },
      /random/,
    ],
    "Dropout whose training is an input": [
      { nodes: [node("y = Dropout(x, , t)")], inputs: { x: ["n", 4], t: ["n"] } },
      /not known ahead/,
    ],
    "QuantizeLinear along them": [
      {
        nodes: [node("y = QuantizeLinear(x, c)", { axis: 0 })],
        constants: { c: { fp32: [4] } },
      },
      /along the rows/,
    ],
    "a scale of their own maximum": [
      {
        nodes: [node("q, s, z = DynamicQuantizeLinear(x)"), node("y = DequantizeLinear(q, s, z)")],
      },
      /DynamicQuantizeLinear/,
    ],
    "Clip by other rows": [
      { nodes: [node("y = Clip(x, z)")], inputs: { x: ["n"], z: ["n"] } },
      /from the rows/,
    ],
    "the first row": [
      {
        nodes: [node("f = Gather(x, i)"), node("y = Equal(x, f)")],
        constants: { i: [0] },
      },
      /along the first dimension/,
    ],
  });
});

describe("rows of operators along axes", () => {
  itProves({
    "Softmax over the last axis": { nodes: [node("y = Softmax(x)")] },
    "Softmax of old, over all behind them": {
      nodes: [node("y = Softmax(x)")],
      inputs: sequences,
      opset: 12,
    },
    "ReduceMean over another axis": {
      nodes: [node("y = ReduceMean(x)", { axes: [1, -1] })],
      inputs: { x: ["n", 2, 2] },
    },
    "ReduceSum that drops axes before none": {
      nodes: [node("y = ReduceSum(x, a)", { keepdims: 0 })],
      constants: { a: [-1] },
    },
    "ReduceMax of newer versions": {
      nodes: [node("y = ReduceMax(x, a)")],
      constants: { a: [1] },
      opset: 18,
    },
    "a reduction over nothing": {
      nodes: [node("y = ReduceSum(x)", { noop_with_empty_axes: 1 })],
    },
    "ArgMax over the last axis": { nodes: [node("y = ArgMax(x)", { axis: -1, keepdims: 0 })] },
    "TopK of each": { nodes: [node("y, i = TopK(x, k)")], constants: { k: [2] } },
    "CumSum over another axis": { nodes: [node("y = CumSum(x, a)")], constants: { a: 1 } },
    LayerNormalization: {
      nodes: [node("y = LayerNormalization(x, c, c)")],
      constants: { c: { fp32: [4] } },
    },
    SkipLayerNormalization: {
      nodes: [node("y, , , s = com.microsoft:SkipLayerNormalization(x, z, c, c)")],
      inputs: { x: ["n", "s", 4], z: ["n", "s", 4] },
      constants: { c: { fp32: [4] } },
      outputs: ["y", "s"],
    },
    InstanceNormalization: {
      nodes: [node("y = InstanceNormalization(x, c, c)")],
      inputs: images,
      constants: { c: { fp32: [3] } },
    },
    "MeanVarianceNormalization of each image": {
      nodes: [node("y = MeanVarianceNormalization(x)", { axes: [2, 3] })],
      inputs: images,
    },
    OneHot: {
      nodes: [node("y = OneHot(x, d, v)")],
      inputs: { x: ["n"] },
      datatypes: { x: "INT64" },
      constants: { d: 3, v: [0, 1] },
    },
    "Trilu behind them": { nodes: [node("y = Trilu(x)")], inputs: sequences },
    LpNormalization: { nodes: [node("y = LpNormalization(x)", { axis: 1 })] },
  });
  itDoubts({
    "Softmax over them": [{ nodes: [node("y = Softmax(x)", { axis: 0 })] }, /first dimension/],
    "Softmax of old, which takes them in": [
      { nodes: [node("y = Softmax(x)", { axis: 0 })], opset: 11 },
      /first dimension/,
    ],
    "Softmax of old of a list turned": [
      {
        nodes: [
          node("t = Transpose(x)", { perm: [1, 0, 2] }),
          node("s = Softmax(t)"),
          node("y = Transpose(s)", { perm: [1, 0, 2] }),
        ],
        inputs: sequences,
        opset: 11,
      },
      /first dimension/,
    ],
    "a mean over all": [
      { nodes: [node("m = ReduceMean(x)"), node("y = Sub(x, m)")] },
      /ReduceMean/,
    ],
    "a sum over axes from the inputs": [
      {
        nodes: [node("y = ReduceSum(x, a)")],
        inputs: { x: ["n", 4], a: ["n"] },
        datatypes: { a: "INT64" },
      },
      /not known ahead/,
    ],
    "a sum over no axes, which are all": [
      { nodes: [node("m = ReduceSum(x, a)"), node("y = Sub(x, m)")], constants: { a: [] } },
      /first dimension/,
    ],
    "ArgMax over the first axis, which is usual": [
      { nodes: [node("a = ArgMax(x)"), node("y = Gather(x, a)")] },
      /ArgMax/,
    ],
    "CumSum over them": [{ nodes: [node("y = CumSum(x, a)")], constants: { a: -2 } }, /CumSum/],
    "TopK of as many as there are": [
      {
        nodes: [node("s = Shape(x)", { end: 1 }), node("y, i = TopK(x, s)")],
      },
      /number of rows/,
    ],
    "LayerNormalization from the first axis on": [
      {
        nodes: [node("y = LayerNormalization(x, c)", { axis: 0 })],
        constants: { c: { fp32: [1] } },
      },
      /first dimension/,
    ],
    "MeanVarianceNormalization as it is usual": [
      { nodes: [node("y = MeanVarianceNormalization(x)")], inputs: images },
      /first dimension/,
    ],
    "Trilu of a table": [{ nodes: [node("y = Trilu(x)")] }, /first dimension/],
  });
});

import { describe } from "node:test";
import { itDoubts, itProves } from "../../../../support/onnx/row-cases.ts";
import { node } from "../../../../support/onnx/short-graph.ts";

const sequences = { x: ["n", "s", 6] };

describe("rows in other layouts", () => {
  itProves({
    "Reshape that copies and infers": {
      nodes: [node("y = Reshape(x, s)")],
      inputs: sequences,
      constants: { s: [0, -1, 2, 3] },
    },
    "Reshape to a shape that is computed": {
      nodes: [
        node("a = Shape(x)", { start: 0, end: 1 }),
        node("s = Shape(x)"),
        node("i = Gather(s, one)"),
        node("b = Unsqueeze(i, zero)"),
        node("t = Concat(a, b, c)", { axis: 0 }),
        node("y = Reshape(x, t)", { allowzero: 1 }),
      ],
      inputs: sequences,
      constants: { one: 1, zero: [0], c: [2, 3] },
    },
    "rows with another axis, and back": {
      nodes: [
        node("s = Shape(x)"),
        node("f = Reshape(x, c)"),
        node("r = Relu(f)"),
        node("y = Reshape(r, s)"),
      ],
      inputs: sequences,
      constants: { c: [-1, 6] },
    },
    "an axis that comes before them, and back": {
      nodes: [
        node("t = Transpose(x)", { perm: [1, 0, 2] }),
        node("s = Shape(t)"),
        node("f = Reshape(t, c)"),
        node("m = MatMul(f, w)"),
        node("b = Reshape(m, s)"),
        node("y = Transpose(b)", { perm: [1, 0, 2] }),
      ],
      inputs: sequences,
      constants: { c: [-1, 6], w: { fp32: [6, 6] } },
    },
    Flatten: { nodes: [node("y = Flatten(x)")], inputs: sequences },
    "Flatten and an exact shape": {
      nodes: [node("y = Reshape(x, s)")],
      inputs: { x: ["n", 3, 4, 4] },
      constants: { s: [-1, 48] },
    },
    "Squeeze of another axis": {
      nodes: [node("y = Squeeze(x, a)")],
      inputs: { x: ["n", 1] },
      constants: { a: [1] },
    },
    "Unsqueeze and Squeeze of old": {
      nodes: [node("u = Unsqueeze(x)", { axes: [0] }), node("y = Squeeze(u)", { axes: [0] })],
      opset: 11,
    },
    "Concat beside them": {
      nodes: [node("y = Concat(x, z)", { axis: -1 })],
      inputs: { x: ["n", 4], z: ["n", 2] },
    },
    "a token that comes first in each": {
      nodes: [
        node("b = Shape(x)", { end: 1 }),
        node("s = Concat(b, m, m)", { axis: 0 }),
        node("l = Shape(s)"),
        node("o = ConstantOfShape(l)", {
          value: {
            tensor: {
              name: "v",
              datatype: "INT64",
              shape: [1],
              content: { raw: new Uint8Array(BigInt64Array.of(1n).buffer) },
            },
          },
        }),
        node("f = Mul(o, minus)"),
        node("q = Equal(s, f)"),
        node("w = Where(q, o, s)"),
        node("e = Expand(token, w)"),
        node("y = Concat(e, x)", { axis: 1 }),
      ],
      inputs: sequences,
      constants: { m: [-1], minus: -1, token: { fp32: [1, 1, 6] } },
    },
    "Expand of rows by their own shape": {
      nodes: [node("s = Shape(z)"), node("y = Expand(x, s)")],
      inputs: { x: ["n", 1], z: ["n", 4] },
    },
    "a mask of ones": {
      nodes: [node("s = Shape(x)"), node("c = ConstantOfShape(s)"), node("y = Add(x, c)")],
    },
    "Tile of a constant for each": {
      nodes: [
        node("b = Shape(x)", { end: 1 }),
        node("r = Concat(b, one)", { axis: 0 }),
        node("t = Tile(c, r)"),
        node("y = Add(x, t)"),
      ],
      constants: { one: [1], c: { fp32: [1, 4] } },
    },
    "Split of another axis": {
      nodes: [node("a, y = Split(x)", { axis: 1 })],
    },
    "Slice of another axis, and of all of them": {
      nodes: [node("a = Slice(x, z, e, z)"), node("y = Slice(a, z, t, o)")],
      constants: { z: [0], e: [2 ** 62], t: [2], o: [1] },
    },
    "Gather of one step": {
      nodes: [node("y = Gather(x, i)", { axis: 1 })],
      inputs: sequences,
      constants: { i: 0 },
    },
    "Gather from a table": {
      nodes: [node("y = Gather(c, x)")],
      datatypes: { x: "INT64" },
      constants: { c: { fp32: [10, 3] } },
    },
    "positions up to the length": {
      nodes: [
        node("l = Shape(x)", { start: 1, end: 2 }),
        node("p = Slice(c, z, l, a)"),
        node("e = Gather(t, p)"),
        node("y = Add(x, e)"),
      ],
      inputs: sequences,
      constants: { c: { fp32: [1, 32] }, z: [0], a: [1], t: { fp32: [32, 6] } },
    },
    "a causal mask": {
      nodes: [
        node("l = Shape(x)", { start: 1, end: 2 }),
        node("k = Squeeze(l, a0)"),
        node("r = Range(zero, k, one)"),
        node("c = Unsqueeze(r, a1)"),
        node("b = LessOrEqual(r, c)"),
        node("t = Transpose(x)", { perm: [0, 2, 1] }),
        node("s = MatMul(x, t)"),
        node("y = Where(b, s, f)"),
      ],
      inputs: sequences,
      constants: { a0: [0], a1: [1], zero: 0, one: 1, f: { fp32: [] } },
    },
    "GatherElements beside them": {
      nodes: [node("y = GatherElements(x, i)", { axis: 1 })],
      inputs: { x: ["n", 4], i: ["n", 2] },
    },
    "GatherND in each of them": {
      nodes: [node("y = GatherND(x, i)", { batch_dims: 1 })],
      inputs: { x: ["n", 4], i: ["n", 1] },
    },
    "Pad of other axes": {
      nodes: [node("y = Pad(x, p)")],
      constants: { p: [0, 1, 0, 1] },
    },
  });
  itDoubts({
    "Reshape that may cut them": [
      { nodes: [node("y = Reshape(x, s)")], inputs: { x: ["n", "s"] }, constants: { s: [-1, 4] } },
      /leaves open/,
    ],
    "Reshape that turns them": [
      {
        nodes: [node("t = Transpose(x)"), node("y = Reshape(t, s)")],
        constants: { s: [-1, 4] },
      },
      /mixes the rows/,
    ],
    "Reshape for one number of rows": [
      { nodes: [node("y = Reshape(x, s)")], constants: { s: [2, 4] } },
      /as one dimension/,
    ],
    "Reshape by the length of another input": [
      {
        nodes: [
          node("l = Shape(z)", { start: 1, end: 2 }),
          node("b = Shape(x)", { start: 0, end: 1 }),
          node("t = Transpose(x)", { perm: [1, 0, 2] }),
          node("s = Concat(l, b, m)", { axis: 0 }),
          node("r = Reshape(t, s)"),
          node("y = Transpose(r)", { perm: [1, 0, 2] }),
        ],
        inputs: { x: ["n", "s", 6], z: ["n", "s"] },
        constants: { m: [-1] },
      },
      /Reshape/,
    ],
    "Squeeze of whatever has one element": [
      { nodes: [node("y = Squeeze(x)")], inputs: { x: ["n", 1, 4] } },
      /one element/,
    ],
    "Squeeze of them": [
      { nodes: [node("y = Squeeze(x, a)")], constants: { a: [0] } },
      /dimension of the rows/,
    ],
    "Concat behind them": [
      {
        nodes: [node("y = Concat(x, z)", { axis: 0 })],
        inputs: { x: ["n", 4], z: ["n", 4] },
      },
      /appends/,
    ],
    "Concat of a constant beside them": [
      { nodes: [node("y = Concat(x, c)", { axis: 1 })], constants: { c: { fp32: [1, 4] } } },
      /not made of rows/,
    ],
    "the numbers of the rows": [
      {
        nodes: [
          node("b = Shape(x)", { end: 1 }),
          node("k = Squeeze(b, a)"),
          node("r = Range(zero, k, one)"),
          node("f = Cast(r)", { to: 1 }),
          node("y = Add(x, f)"),
        ],
        inputs: { x: ["n"] },
        constants: { a: [0], zero: 0, one: 1 },
      },
      /number of rows/,
    ],
    "an Expand that makes a row of each row": [
      {
        nodes: [
          node("b = Shape(x)", { end: 1 }),
          node("s = Concat(b, b)", { axis: 0 }),
          node("y = Expand(c, s)"),
        ],
        constants: { c: { fp32: [1, 1] } },
      },
      /rows for each row/,
    ],
    "Expand to a constant number of rows": [
      { nodes: [node("y = Expand(x, s)")], constants: { s: [3, 4] } },
      /differs along them/,
    ],
    "Slice of the first ones": [
      { nodes: [node("y = Slice(x, z, e)")], constants: { z: [0], e: [1] } },
      /by their places/,
    ],
    "Slice back to front": [
      {
        nodes: [node("y = Slice(x, m, e, z, m)")],
        constants: { m: [-1], e: [-(2 ** 40)], z: [0] },
      },
      /by their places/,
    ],
    "Split of them": [{ nodes: [node("a, y = Split(x)")] }, /first dimension/],
    "Gather of texts before them, which the engine does wrongly": [
      {
        nodes: [node("t = Unsqueeze(x, i)"), node("y = Gather(t, z)")],
        inputs: { x: ["n"] },
        datatypes: { x: "BYTES" },
        constants: { i: [0], z: 0 },
      },
      /looks up texts/,
    ],
    "Gather of rows by rows": [
      {
        nodes: [node("y = Gather(x, i)")],
        inputs: { x: ["n", 4], i: ["n"] },
        datatypes: { i: "INT64" },
      },
      /by other rows/,
    ],
    "GatherElements along them": [
      { nodes: [node("y = GatherElements(x, i)")], inputs: { x: ["n", 4], i: ["n", 4] } },
      /first dimension/,
    ],
    ScatterND: [
      { nodes: [node("y = ScatterND(x, i, u)")], inputs: { x: ["n"], i: ["n", 1], u: ["n"] } },
      /ScatterND/,
    ],
    "Pad before them": [
      { nodes: [node("y = Pad(x, p)")], constants: { p: [1, 0, 0, 0] } },
      /first dimension/,
    ],
    "what is not zero in them": [
      { nodes: [node("a = NonZero(x)"), node("y = Transpose(a)")] },
      /NonZero/,
    ],
    "the diagonal of a matrix of their number": [
      { nodes: [node("e = EyeLike(x)"), node("y = Add(x, e)")] },
      /numbers the rows/,
    ],
  });
});

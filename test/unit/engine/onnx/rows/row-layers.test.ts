import { describe } from "node:test";
import { itDoubts, itProves } from "../../../../support/onnx/row-cases.ts";
import { node } from "../../../../support/onnx/short-graph.ts";

const images = { x: ["n", 3, 8, 8] };
const sequences = { x: ["n", "s", 6] };

describe("rows of products", () => {
  itProves({
    "MatMul by weights": { nodes: [node("y = MatMul(x, w)")], constants: { w: { fp32: [4, 2] } } },
    "MatMul of weights by turned rows": {
      nodes: [node("t = Transpose(x)"), node("m = MatMul(w, t)"), node("y = Transpose(m)")],
      constants: { w: { fp32: [3, 4] } },
    },
    "MatMul of matrices of each": {
      nodes: [node("t = Transpose(x)", { perm: [0, 2, 1] }), node("y = MatMul(x, t)")],
      inputs: sequences,
    },
    "MatMul by a list": { nodes: [node("y = MatMul(x, w)")], constants: { w: { fp32: [4] } } },
    Gemm: {
      nodes: [node("y = Gemm(x, w, b)", { transB: 1 })],
      constants: { w: { fp32: [2, 4] }, b: { fp32: [2] } },
    },
    "Gemm of turned rows": {
      nodes: [node("t = Transpose(x)"), node("y = Gemm(t, w)", { transA: 1 })],
      constants: { w: { fp32: [4, 2] } },
    },
    Einsum: {
      nodes: [node("y = Einsum(x, w)", { equation: "bsd, de -> bse" })],
      inputs: sequences,
      constants: { w: { fp32: [6, 2] } },
    },
    "MatMulInteger by weights": {
      nodes: [node("y = MatMulInteger(x, w, a, b)")],
      constants: { w: { fp32: [4, 2] }, a: 0, b: [1, 2] },
    },
    "QLinearMatMul by weights": {
      nodes: [node("y = QLinearMatMul(x, s, z, w, s, z, s, z)")],
      constants: { w: { fp32: [4, 2] }, s: { fp32: [] }, z: 0 },
    },
    MatMulNBits: {
      nodes: [node("y = com.microsoft:MatMulNBits(x, w, s)", { N: 8, K: 4 })],
      constants: { w: { fp32: [8, 1, 2] }, s: { fp32: [8] } },
    },
    FusedMatMul: {
      nodes: [node("y = com.microsoft:FusedMatMul(x, w)", { transB: 1 })],
      constants: { w: { fp32: [2, 4] } },
    },
  });
  itDoubts({
    "MatMul that adds them up": [
      { nodes: [node("t = Transpose(x)"), node("m = MatMul(t, x)"), node("y = MatMul(x, m)")] },
      /adds up/,
    ],
    "MatMul by other rows": [
      { nodes: [node("t = Transpose(x)"), node("y = MatMul(x, t)")] },
      /by other rows/,
    ],
    "attention over all of them": [
      {
        nodes: [
          node("t = Transpose(x)"),
          node("s = MatMul(x, t)"),
          node("p = Softmax(s)"),
          node("y = MatMul(p, x)"),
        ],
      },
      /by other rows/,
    ],
    "Gemm that adds other rows": [
      {
        nodes: [node("y = Gemm(w, w, x)")],
        constants: { w: { fp32: [4, 4] } },
      },
      /adds rows/,
    ],
    "Gemm that adds a matrix": [
      {
        nodes: [node("y = Gemm(x, w, c)")],
        constants: { w: { fp32: [4, 4] }, c: { fp32: [2, 4] } },
      },
      /differs along them/,
    ],
    "Einsum that sums them up": [
      { nodes: [node("m = Einsum(x)", { equation: "bd->d" }), node("y = Mul(x, m)")] },
      /adds up/,
    ],
    "Einsum of rows with rows": [
      {
        nodes: [node("y = Einsum(x, z)", { equation: "bd,cd->bc" })],
        inputs: { x: ["n", 4], z: ["n", 4] },
      },
      /something else/,
    ],
    "zero points along them": [
      {
        nodes: [node("y = MatMulInteger(x, w, a)")],
        constants: { w: { fp32: [4, 2] }, a: [1, 2] },
      },
      /more than one number/,
    ],
    "a product that finds its own scale": [
      {
        nodes: [node("y = com.microsoft:DynamicQuantizeMatMul(x, w, s)")],
        constants: { w: { fp32: [4, 2] }, s: { fp32: [] } },
      },
      /DynamicQuantizeMatMul/,
    ],
  });
});

describe("rows of images", () => {
  itProves({
    "a plain network": {
      nodes: [
        node("c = Conv(x, w, b)", { pads: [1, 1, 1, 1], strides: [2, 2] }),
        node("r = Relu(c)"),
        node("p = MaxPool(r)", { kernel_shape: [2, 2], strides: [2, 2] }),
        node("f = Reshape(p, s)"),
        node("y = Gemm(f, v)"),
      ],
      inputs: images,
      constants: { w: { fp32: [5, 3, 3, 3] }, b: { fp32: [5] }, s: [-1, 20], v: { fp32: [20, 2] } },
    },
    GlobalAveragePool: { nodes: [node("y = GlobalAveragePool(x)")], inputs: images },
    ConvTranspose: {
      nodes: [node("y = ConvTranspose(x, w)")],
      inputs: images,
      constants: { w: { fp32: [3, 2, 2, 2] } },
    },
    "FusedConv with a sum": {
      nodes: [node("y = com.microsoft:FusedConv(x, w, , x)", { pads: [1, 1, 1, 1] })],
      inputs: images,
      constants: { w: { fp32: [3, 3, 3, 3] } },
    },
    "Resize by scales": {
      nodes: [node("y = Resize(x, , s)")],
      inputs: images,
      constants: {
        s: {
          name: "s",
          datatype: "FP32",
          shape: [4],
          content: { raw: new Uint8Array(Float32Array.of(1, 1, 2, 2).buffer) },
        },
      },
    },
    "Resize to sizes": {
      nodes: [
        node("l = Shape(x)"),
        node("h = Slice(l, a, b)"),
        node("s = Concat(h, c)", { axis: 0 }),
        node("y = Resize(x, , , s)", { mode: "linear" }),
      ],
      inputs: images,
      constants: { a: [0], b: [2], c: [16, 16] },
    },
    SpaceToDepth: { nodes: [node("y = SpaceToDepth(x)", { blocksize: 2 })], inputs: images },
    "patches with a token": {
      nodes: [
        node("c = Conv(x, w)", { strides: [4, 4] }),
        node("l = Shape(c)", { end: 2 }),
        node("s = Concat(l, m)", { axis: 0 }),
        node("r = Reshape(c, s)"),
        node("p = Transpose(r)", { perm: [0, 2, 1] }),
        node("n = Shape(x)", { end: 1 }),
        node("e = Concat(n, one)", { axis: 0 }),
        node("t = Expand(token, e)"),
        node("a = Concat(t, p)", { axis: 1 }),
        node("y = Add(a, positions)"),
      ],
      inputs: images,
      constants: {
        w: { fp32: [6, 3, 4, 4] },
        m: [-1],
        one: [1, 6],
        token: { fp32: [1, 1, 6] },
        positions: { fp32: [1, 5, 6] },
      },
    },
  });
  itDoubts({
    "Conv that takes them for channels": [
      {
        nodes: [
          node("t = Transpose(x)", { perm: [1, 0, 2, 3] }),
          node("c = Conv(t, w)"),
          node("y = Transpose(c)", { perm: [1, 0, 2, 3] }),
        ],
        inputs: images,
        constants: { w: { fp32: [2, 2, 1, 1] } },
      },
      /part of images/,
    ],
    "Conv by weights from the inputs": [
      { nodes: [node("y = Conv(x, z)")], inputs: { ...images, z: ["n", 3, 1, 1] } },
      /from the rows/,
    ],
    "places of maxima": [
      { nodes: [node("p, y = MaxPool(x)", { kernel_shape: [2, 2] })], inputs: images },
      /row number/,
    ],
    "LRN over them": [
      {
        nodes: [
          node("t = Transpose(x)", { perm: [1, 0, 2, 3] }),
          node("l = LRN(t)", { size: 3 }),
          node("y = Transpose(l)", { perm: [1, 0, 2, 3] }),
        ],
        inputs: images,
      },
      /first dimension/,
    ],
    "Resize of them": [
      {
        nodes: [node("y = Resize(x, , s)")],
        inputs: { x: ["n", 4] },
        constants: { s: { fp32: [2] } },
      },
      /resizes along/,
    ],
    "Resize that interpolates between them": [
      {
        nodes: [node("s = Shape(x)"), node("y = Resize(x, , , s)", { mode: "linear" })],
        inputs: sequences,
      },
      /interpolates along/,
    ],
    "Resize that moves places": [
      {
        nodes: [
          node("s = Shape(x)"),
          node("y = Resize(x, , , s)", {
            coordinate_transformation_mode: "tf_half_pixel_for_nn",
            nearest_mode: "ceil",
          }),
        ],
        inputs: images,
      },
      /moves places/,
    ],
  });
});

import { describe } from "node:test";
import { itDoubts, itProves } from "../../../../support/onnx/row-cases.ts";
import { node } from "../../../../support/onnx/short-graph.ts";

const sequences = { x: ["n", "s", 6] };
const mixesBatch = { perm: [1, 0, 2] };

describe("rows of sequences", () => {
  const lstm = {
    constants: { w: { fp32: [1, 8, 6] }, r: { fp32: [1, 8, 2] } },
    inputs: sequences,
  };
  itProves({
    "LSTM with the batch second": {
      ...lstm,
      nodes: [
        node("t = Transpose(x)", mixesBatch),
        node("a, h = LSTM(t, w, r)", { hidden_size: 2 }),
        node("q = Squeeze(a, one)"),
        node("y = Transpose(q)", mixesBatch),
        node("z = Squeeze(h, zero)"),
      ],
      constants: { ...lstm.constants, one: [1], zero: [0] },
      outputs: ["y", "z"],
    },
    "LSTM with states of zeros for each": {
      ...lstm,
      nodes: [
        node("t = Transpose(x)", mixesBatch),
        node("n = Shape(x)", { end: 1 }),
        node("s = Concat(o, n, d)", { axis: 0 }),
        node("c = ConstantOfShape(s)"),
        node("a, h = LSTM(t, w, r, , , c, c)", { hidden_size: 2 }),
        node("y = Squeeze(h, zero)"),
      ],
      constants: { ...lstm.constants, o: [1], d: [2], zero: [0] },
    },
    "GRU with lengths": {
      nodes: [
        node("t = Transpose(x)", mixesBatch),
        node("a, h = GRU(t, w, r, , l)", { hidden_size: 2 }),
        node("y = Squeeze(h, zero)"),
      ],
      inputs: { ...sequences, l: ["n"] },
      constants: { w: { fp32: [1, 6, 6] }, r: { fp32: [1, 6, 2] }, zero: [0] },
    },
    "MultiHeadAttention with padding": {
      nodes: [node("y = com.microsoft:MultiHeadAttention(x, x, x, , p)", { num_heads: 2 })],
      inputs: { ...sequences, p: ["n", "s"] },
    },
    "Attention of version 23 with a mask": {
      nodes: [node("y = Attention(x, x, x, m)", { q_num_heads: 1, kv_num_heads: 1 })],
      inputs: { ...sequences, m: ["n", 1, "s", "s"] },
      opset: 23,
    },
    "Attention and EmbedLayerNormalization": {
      nodes: [
        node("e, m = com.microsoft:EmbedLayerNormalization(x, z, t, t, t, g, g, k)"),
        node("y = com.microsoft:Attention(e, w, b, m)", { num_heads: 1 }),
      ],
      inputs: { x: ["n", "s"], z: ["n", "s"], k: ["n", "s"] },
      constants: { t: { fp32: [9, 6] }, g: { fp32: [6] }, w: { fp32: [6, 18] }, b: { fp32: [18] } },
    },
    "RotaryEmbedding by positions": {
      nodes: [node("y = RotaryEmbedding(x, c, c, p)", { num_heads: 1 })],
      inputs: { ...sequences, p: ["n", "s"] },
      constants: { c: { fp32: [9, 3] } },
      opset: 23,
    },
  });
  itDoubts({
    "LSTM with the batch first": [
      {
        ...lstm,
        nodes: [node("a, h = LSTM(x, w, r)", { hidden_size: 2 }), node("y = Squeeze(a, one)")],
        constants: { ...lstm.constants, one: [1] },
      },
      /steps of a sequence/,
    ],
    "LSTM with a state for one": [
      {
        ...lstm,
        nodes: [
          node("t = Transpose(x)", mixesBatch),
          node("a, h = LSTM(t, w, r, , , c)", { hidden_size: 2 }),
          node("y = Squeeze(h, zero)"),
        ],
        constants: { ...lstm.constants, c: { fp32: [1, 1, 2] }, zero: [0] },
      },
      /not made of rows/,
    ],
    "Attention with a mask of all": [
      {
        nodes: [node("y = Attention(x, x, x, m)", { q_num_heads: 1, kv_num_heads: 1 })],
        inputs: { ...sequences, m: ["n", "s"] },
        opset: 23,
      },
      /meet other rows/,
    ],
    "MultiHeadAttention to the keys of one": [
      {
        nodes: [node("y = com.microsoft:MultiHeadAttention(x, c, c)", { num_heads: 2 })],
        inputs: sequences,
        constants: { c: { fp32: [1, 3, 6] } },
      },
      /first dimension/,
    ],
    "ReverseSequence by lengths of one": [
      {
        nodes: [node("y = ReverseSequence(x, l)", { batch_axis: 0, time_axis: 1 })],
        inputs: sequences,
        constants: { l: [2] },
      },
      /first dimension/,
    ],
  });
});

describe("rows of samples and texts", () => {
  const texts = { inputs: { x: ["n", 1] }, datatypes: { x: "BYTES" } } as const;
  const words = (list: readonly string[]) => ({ pool_strings: { texts: list } });
  itProves({
    "a tree with its table of probabilities": {
      nodes: [
        node("l, p = ai.onnx.ml:TreeEnsembleClassifier(x)"),
        node("y = ai.onnx.ml:ZipMap(p)"),
        node("z = Cast(l)", { to: 7 }),
      ],
      outputs: ["y", "z"],
    },
    "labels by the place of the largest": {
      nodes: [
        node("a = ArgMax(x)", { axis: 1 }),
        node("l = ai.onnx.ml:ArrayFeatureExtractor(c, a)"),
        node("y = Reshape(l, s)"),
      ],
      constants: { c: [1, 2, 3, 4], s: [-1] },
    },
    "tables that are joined": {
      nodes: [node("y = ai.onnx.ml:FeatureVectorizer(x, z)")],
      inputs: { x: ["n", 4], z: ["n", 2] },
    },
    "words of texts": {
      ...texts,
      nodes: [
        node("f = Reshape(x, s)"),
        node("t = com.microsoft:Tokenizer(f)", { pad_value: "#" }),
        node("g = Flatten(t)"),
        node("y = TfIdfVectorizer(g)", words(["good", "bad"])),
      ],
      constants: { s: [-1] },
    },
  });
  itDoubts({
    "a sample whose features they are": [
      { nodes: [node("y = ai.onnx.ml:Normalizer(x)")], inputs: { x: ["n"] } },
      /one sample/,
    ],
    "n-grams over all of them": [
      {
        nodes: [node("f = Reshape(x, s)"), node("y = TfIdfVectorizer(f)", words(["good"]))],
        ...texts,
        constants: { s: [-1] },
      },
      /one text/,
    ],
    "words of which one is the filling": [
      {
        ...texts,
        nodes: [
          node("f = Reshape(x, s)"),
          node("t = com.microsoft:Tokenizer(f)", { pad_value: "#" }),
          node("y = TfIdfVectorizer(t)", words(["good", "#"])),
        ],
        constants: { s: [-1] },
      },
      /counts the padding/,
    ],
    "texts that are padded": [
      {
        ...texts,
        nodes: [
          node("f = Reshape(x, s)"),
          node("y = com.microsoft:Tokenizer(f)", { pad_value: "#" }),
        ],
        constants: { s: [-1] },
      },
      /one row for each row/,
    ],
    "texts that are taken out": [
      { ...texts, nodes: [node("y = StringNormalizer(x)", { stopwords: { texts: ["a"] } })] },
      /takes texts out/,
    ],
  });
});

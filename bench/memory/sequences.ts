import type { OnnxNode, OnnxTensor } from "../../test/support/models/onnx-builder.ts";
import { constant } from "../../test/support/models/onnx-builder.ts";
import { node } from "../../test/support/onnx/short-graph.ts";
import { type KindGraph, kind, list, type MemoryKind, weights } from "./kind.ts";

/** Texts and signals: networks with a state, and attention. */
export const sequenceKinds: readonly MemoryKind[] = [
  kind("LSTM", 4, () => recurrent({ op: "LSTM", gates: 4, hidden: 512, inputs: 256 })),
  kind("GRU, two directions", 3, () =>
    recurrent({ op: "GRU", gates: 3, hidden: 512, inputs: 256, directions: 2 }),
  ),
  kind("RNN", 12, () => recurrent({ op: "RNN", gates: 1, hidden: 512, inputs: 256 })),
  kind("transformer, 64 tokens", 2, () => transformer({ tokens: 64, width: 256, layers: 4 })),
  kind("transformer, FP16", 4, () =>
    transformer({ tokens: 64, width: 256, layers: 2, datatype: "FP16" }),
  ),
  kind("transformer, 512 tokens", 10, () => transformer({ tokens: 512, width: 128, layers: 2 })),
  kind("transformer, any number of tokens", 6, () =>
    transformer({ tokens: "tokens", width: 256, layers: 1 }),
  ),
  kind("attention by Einsum", 20, () => ({
    inputs: { x: ["batch", 256, 128] },
    nodes: [
      node("q = MatMul(x, wq)"),
      node("k = MatMul(x, wk)"),
      node("s = Einsum(q, k)", { equation: "bid,bjd->bij" }),
      node("p = Softmax(s)", { axis: -1 }),
      node("o = Einsum(p, x)", { equation: "bij,bjd->bid" }),
      node("y = ReduceMean(o)", { axes: [1] }),
    ],
    constants: [weights("wq", [128, 512]), weights("wk", [128, 512])],
  })),
  kind("convolutions over time", 8, overTime),
  kind("Fourier transform", 40, () => ({
    inputs: { x: ["batch", 4096, 1] },
    nodes: [node("f = DFT(x)", { axis: 1 }), node("y = ReduceMean(f)", { axes: [2] })],
  })),
];

interface Recurrent {
  readonly op: string;
  readonly gates: number;
  readonly hidden: number;
  readonly inputs: number;
  readonly directions?: number;
}

function recurrent({ op, gates, hidden, inputs, directions = 1 }: Recurrent): KindGraph {
  const direction = directions === 2 ? "bidirectional" : "forward";
  return {
    inputs: { x: ["batch", 100, inputs] },
    nodes: [
      node("t = Transpose(x)", { perm: [1, 0, 2] }),
      node(`all, last = ${op}(t, w, r)`, { hidden_size: hidden, direction }),
      node("y = Transpose(last)", { perm: [1, 0, 2] }),
    ],
    constants: [
      weights("w", [directions, gates * hidden, inputs], { fanIn: inputs }),
      weights("r", [directions, gates * hidden, hidden], { fanIn: hidden }),
    ],
  };
}

interface Transformer {
  readonly tokens: number | string;
  readonly width: number;
  readonly layers: number;
  readonly datatype?: "FP16" | "FP32";
}

const heads = 4;

function transformer({ tokens, width, layers, datatype = "FP32" }: Transformer): KindGraph {
  const nodes: OnnxNode[] = datatype === "FP16" ? [node("x32 = Cast(x)", { to: 1 })] : [];
  const constants: OnnxTensor[] = [
    list("split", [0, 0, heads, width / heads]),
    list("join", [0, 0, width]),
    constant("ones", "FP32", [width], new Array<number>(width).fill(1)),
    constant("scale", "FP32", [], [(width / heads) ** -0.5]),
  ];
  let from = datatype === "FP16" ? "x32" : "x";
  for (let layer = 0; layer < layers; layer++) {
    const matrix = (name: string, rows: number, columns: number) => {
      const stored = `${name}${layer}${datatype === "FP16" ? "half" : ""}`;
      constants.push(weights(stored, [rows, columns], { datatype }));
      if (datatype === "FP16") nodes.push(node(`${name}${layer} = Cast(${stored})`, { to: 1 }));
      return `${name}${layer}`;
    };
    const at = (text: string) => text.replaceAll(/\b([a-z]+)_/g, `$1${layer}_`);
    for (const part of ["q", "k", "v"]) {
      nodes.push(
        node(`${part}a${layer} = MatMul(${from}, ${matrix(`w${part}`, width, width)})`),
        node(`${part}b${layer} = Reshape(${part}a${layer}, split)`),
        node(`${part}c${layer} = Transpose(${part}b${layer})`, {
          perm: part === "k" ? [0, 2, 3, 1] : [0, 2, 1, 3],
        }),
      );
    }
    nodes.push(
      node(at(`s_ = MatMul(qc${layer}, kc${layer})`)),
      node(at("t_ = Mul(s_, scale)")),
      node(at("p_ = Softmax(t_)"), { axis: -1 }),
      node(at(`o_ = MatMul(p_, vc${layer})`)),
      node(at("r_ = Transpose(o_)"), { perm: [0, 2, 1, 3] }),
      node(at("j_ = Reshape(r_, join)")),
      node(at(`a_ = Add(j_, ${from})`)),
      node(at("n_ = LayerNormalization(a_, ones)")),
      node(at(`f_ = MatMul(n_, ${matrix("wf", width, 4 * width)})`)),
      node(at("g_ = Relu(f_)")),
      node(at(`h_ = MatMul(g_, ${matrix("wg", 4 * width, width)})`)),
      node(at("out_ = Add(h_, n_)")),
    );
    from = `out${layer}_`;
  }
  nodes.push(node(`y = ReduceMean(${from})`, { axes: [1] }));
  return { inputs: { x: ["batch", tokens, width] }, datatype, nodes, constants };
}

function overTime(): KindGraph {
  return {
    inputs: { x: ["batch", 1, 8000] },
    nodes: [
      node("a = Conv(x, wa)", { strides: [4] }),
      node("b = Relu(a)"),
      node("c = Conv(b, wb)", { strides: [2] }),
      node("d = Relu(c)"),
      node("e = Conv(d, wc)", { strides: [2] }),
      node("y = GlobalAveragePool(e)"),
    ],
    constants: [
      weights("wa", [64, 1, 16], { fanIn: 16 }),
      weights("wb", [256, 64, 8], { fanIn: 512 }),
      weights("wc", [256, 256, 8], { fanIn: 2048 }),
    ],
  };
}

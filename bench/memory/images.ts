import type { Dimension, OnnxNode, OnnxTensor } from "../../test/support/models/onnx-builder.ts";
import { constant } from "../../test/support/models/onnx-builder.ts";
import { node } from "../../test/support/onnx/short-graph.ts";
import { type KindGraph, kind, type MemoryKind, scalar, weights } from "./kind.ts";

/** What computes on images, whose values between nodes are bigger than the weights. */
export const imageKinds: readonly MemoryKind[] = [
  kind("convolutions, 64 pixels", 6, () =>
    convolutions({ pixels: 64, channels: [3, 32, 64, 128, 256, 256], stride: 2, last: 3 }),
  ),
  kind("convolutions, 224 pixels", 1, () =>
    convolutions({ pixels: 224, channels: [3, 64, 64, 128, 256, 512, 512], stride: 2, last: 6 }),
  ),
  kind("convolutions, FP16", 8, () =>
    convolutions({ pixels: 64, channels: [3, 32, 64, 128, 128], datatype: "FP16" }),
  ),
  kind("convolutions, 1 x 1", 2, () =>
    convolutions({ pixels: 32, channels: [3, 256, 512, 512, 512], side: 1 }),
  ),
  kind("convolutions, any size", 20, () =>
    convolutions({ pixels: "side", channels: [3, 32, 64, 128] }),
  ),
  kind("convolutions, one for each channel", 12, depthwise),
  kind("convolutions, QDQ, INT8", 6, quantizedConvolutions),
  kind("encoder and decoder", 8, encoderDecoder),
  kind("upsampling by 8", 1, () => resize("nearest")),
  kind("resizing, linear", 20, () => resize("linear", 2)),
];

interface Convolutions {
  readonly pixels: Dimension;
  readonly channels: readonly number[];
  readonly stride?: number;
  /** Convolutions with that stride. */
  readonly last?: number;
  readonly side?: number;
  readonly datatype?: "FP16" | "FP32";
}

function convolutions(net: Convolutions): KindGraph {
  const { pixels, channels, stride = 1, last = 0, side = 3, datatype = "FP32" } = net;
  const nodes: OnnxNode[] = [];
  const constants: OnnxTensor[] = [];
  const pad = (side - 1) / 2;
  for (let layer = 0; layer + 1 < channels.length; layer++) {
    const [from, to] = [channels[layer] ?? 0, channels[layer + 1] ?? 0];
    const strides = layer < last ? stride : 1;
    constants.push(
      weights(`w${layer}`, [to, from, side, side], { datatype, fanIn: from * side ** 2 }),
    );
    nodes.push(
      node(`c${layer} = Conv(${layer === 0 ? "x" : `r${layer}`}, w${layer})`, {
        pads: [pad, pad, pad, pad],
        strides: [strides, strides],
      }),
      node(`r${layer + 1} = Relu(c${layer})`),
    );
  }
  nodes.push(node(`y = GlobalAveragePool(r${channels.length - 1})`));
  const shape = ["batch", channels[0] ?? 0, pixels, pixels];
  return { inputs: { x: shape }, datatype, nodes, constants };
}

function depthwise(): KindGraph {
  const nodes: OnnxNode[] = [node("r0 = Conv(x, w)", { pads: [1, 1, 1, 1], strides: [2, 2] })];
  const constants = [weights("w", [96, 3, 3, 3], { fanIn: 27 })];
  for (let layer = 0; layer < 4; layer++) {
    constants.push(
      weights(`d${layer}`, [96, 1, 3, 3], { fanIn: 9 }),
      weights(`p${layer}`, [96, 96, 1, 1], { fanIn: 96 }),
    );
    nodes.push(
      node(`a${layer} = Conv(r${layer}, d${layer})`, { pads: [1, 1, 1, 1], group: 96 }),
      node(`b${layer} = Clip(a${layer}, low, high)`),
      node(`c${layer} = Conv(b${layer}, p${layer})`),
      node(`r${layer + 1} = Add(c${layer}, r${layer})`),
    );
  }
  nodes.push(node("y = GlobalAveragePool(r4)"));
  constants.push(scalar("low", 0), scalar("high", 6));
  return { inputs: { x: ["batch", 3, 96, 96] }, nodes, constants };
}

function quantizedConvolutions(): KindGraph {
  const nodes: OnnxNode[] = [node("q0 = QuantizeLinear(x, scale, zero)")];
  const constants: OnnxTensor[] = [
    scalar("scale", 0.05),
    { name: "zero", datatype: "UINT8", shape: [], content: { raw: Uint8Array.of(128) } },
    { name: "weightZero", datatype: "INT8", shape: [], content: { raw: Uint8Array.of(0) } },
  ];
  for (let layer = 0; layer < 4; layer++) {
    const from = layer === 0 ? 16 : 256;
    constants.push(weights(`w${layer}`, [256, from, 3, 3], { datatype: "INT8" }));
    nodes.push(
      node(`d${layer} = DequantizeLinear(q${layer}, scale, zero)`),
      node(`v${layer} = DequantizeLinear(w${layer}, scale, weightZero)`),
      node(`c${layer} = Conv(d${layer}, v${layer})`, { pads: [1, 1, 1, 1], strides: [2, 2] }),
      node(`q${layer + 1} = QuantizeLinear(c${layer}, scale, zero)`),
    );
  }
  nodes.push(node("y = DequantizeLinear(q4, scale, zero)"));
  return { inputs: { x: ["batch", 16, 64, 64] }, nodes, constants };
}

function encoderDecoder(): KindGraph {
  const double = { strides: [2, 2] };
  return {
    inputs: { x: ["batch", 3, 64, 64] },
    nodes: [
      node("a = Conv(x, wa)", { pads: [1, 1, 1, 1] }),
      node("ar = Relu(a)"),
      node("b = Conv(ar, wb)", { ...double, pads: [1, 1, 1, 1] }),
      node("br = Relu(b)"),
      node("c = Conv(br, wc)", { ...double, pads: [1, 1, 1, 1] }),
      node("cr = Relu(c)"),
      node("d = ConvTranspose(cr, wd)", { ...double, kernel_shape: [2, 2] }),
      node("e = Concat(d, br)", { axis: 1 }),
      node("f = ConvTranspose(e, we)", { ...double, kernel_shape: [2, 2] }),
      node("g = Concat(f, ar)", { axis: 1 }),
      node("y = Conv(g, wg)"),
    ],
    constants: [
      weights("wa", [32, 3, 3, 3], { fanIn: 27 }),
      weights("wb", [128, 32, 3, 3], { fanIn: 288 }),
      weights("wc", [256, 128, 3, 3], { fanIn: 1152 }),
      weights("wd", [256, 128, 2, 2], { fanIn: 1024 }),
      weights("we", [256, 32, 2, 2], { fanIn: 1024 }),
      weights("wg", [4, 64, 1, 1], { fanIn: 64 }),
    ],
  };
}

function resize(mode: "linear" | "nearest", factor = 8): KindGraph {
  const sizes = { kernel_shape: [factor, factor], strides: [factor, factor] };
  return {
    inputs: { x: ["batch", 16, 64, 64] },
    nodes: [
      node("u = Resize(x, , scales)", { mode }),
      node("r = Relu(u)"),
      node("y = AveragePool(r)", sizes),
    ],
    constants: [constant("scales", "FP32", [4], [1, 1, factor, factor])],
  };
}

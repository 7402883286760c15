import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { OnnxNode, OnnxTensor } from "../../test/support/models/onnx-builder.ts";
import { constant } from "../../test/support/models/onnx-builder.ts";
import { randomWeights, type WeightDatatype } from "../../test/support/models/random-weights.ts";
import { node } from "../../test/support/onnx/short-graph.ts";
import {
  encodeKind,
  type KindGraph,
  kind,
  list,
  type MemoryKind,
  scalar,
  weights,
} from "./kind.ts";

/** Products of rows with matrices, in all the ways in which weights are stored. */
export const denseKinds: readonly MemoryKind[] = [
  kind("MLP, 0.25 MiB", 60, () => perceptron(128, 4)),
  kind("MLP, 8 MiB", 4, () => perceptron(836, 3)),
  kind("MLP, 112 MiB", 1, () => perceptron(2048, 7)),
  kind("MLP, FP64, 16 MiB", 2, () => perceptron(1024, 2, "FP64")),
  kind("MLP, FP16, 24 MiB", 1, () => perceptron(2048, 3, "FP16")),
  kind("embedding, 200 MiB", 1, () => ({
    inputs: { x: ["batch", 8] },
    datatype: "INT64",
    nodes: [node("e = Gather(table, x)"), node("y = ReduceMean(e)", { axes: [1] })],
    constants: [weights("table", [409_600, 128], { fanIn: 128 })],
  })),
  external("external data, 64 MiB", 1, 4096),
  external("external data, 10 MiB", 2, 1620),
  kind("weights in Constant nodes, 24 MiB", 1, constantNodes),
  kind("ConstantOfShape, 64 MiB", 1, () => ({
    inputs: { x: ["batch", 4096] },
    nodes: [
      node("w = ConstantOfShape(shape)", { value: { tensor: constant("v", "FP32", [1], [0.01]) } }),
      node("y = MatMul(x, w)"),
    ],
    constants: [list("shape", [4096, 4096])],
  })),
  kind("MatMulInteger, 9 MiB", 3, () => ({
    inputs: { x: ["batch", 3072] },
    nodes: [
      node("q, scale, zero = DynamicQuantizeLinear(x)"),
      node("p = MatMulInteger(q, w, zero)"),
      node("y = Cast(p)", { to: 1 }),
    ],
    constants: [weights("w", [3072, 3072], { datatype: "INT8" })],
  })),
  kind("MatMulNBits, 4 bits, 3 MiB", 8, fourBits),
  kind("function called three times, 18 MiB", 2, calls),
  kind("QDQ products, INT8, 4 MiB", 4, quantized),
];

function perceptron(width: number, layers: number, datatype: WeightDatatype = "FP32"): KindGraph {
  const nodes: OnnxNode[] = [];
  const constants: OnnxTensor[] = [];
  for (let layer = 0; layer < layers; layer++) {
    const from = layer === 0 ? "x" : `r${layer}`;
    const to = layer === layers - 1 ? "y" : `r${layer + 1}`;
    constants.push(weights(`w${layer}`, [width, width], { datatype }));
    nodes.push(node(`p${layer} = MatMul(${from}, w${layer})`), node(`${to} = Relu(p${layer})`));
  }
  const io = datatype === "INT8" ? "FP32" : datatype;
  return { inputs: { x: ["batch", width] }, datatype: io, nodes, constants };
}

/** A square matrix that lies in a file beside the model. */
function external(name: string, copies: number, width: number): MemoryKind {
  return {
    name,
    copies,
    async write(directory) {
      const shape = [width, width];
      const raw = randomWeights({ datatype: "FP32", shape, fanIn: width, seed: width });
      const externalFile = `weights-${width}.bin`;
      await writeFile(join(directory, externalFile), raw.make());
      const content = { externalFile, sizeBytes: raw.byteLength };
      const path = join(directory, `external-${width}.onnx`);
      const bytes = encodeKind({
        inputs: { x: ["batch", width] },
        nodes: [node("y = MatMul(x, w)")],
        constants: [{ name: "w", datatype: "FP32", shape, content }],
      });
      await writeFile(path, bytes.pieces());
      return path;
    },
  };
}

function constantNodes(): KindGraph {
  const nodes: OnnxNode[] = [];
  for (let layer = 0; layer < 6; layer++) {
    const from = layer === 0 ? "x" : `r${layer}`;
    const value = { tensor: weights(`v${layer}`, [1024, 1024]) };
    nodes.push(
      node(`w${layer} = Constant()`, { value }),
      node(`${layer === 5 ? "y" : `r${layer + 1}`} = MatMul(${from}, w${layer})`),
    );
  }
  return { inputs: { x: ["batch", 1024] }, nodes };
}

function fourBits(): KindGraph {
  const [width, block] = [2432, 32];
  const blocks = width / block;
  const bytes = (count: number, seed: number) =>
    randomWeights({ datatype: "INT8", shape: [count], fanIn: 1, seed });
  return {
    inputs: { x: ["batch", width] },
    nodes: [
      node("y = com.microsoft:MatMulNBits(x, w, s)", {
        K: width,
        N: width,
        bits: 4,
        block_size: block,
      }),
    ],
    constants: [
      {
        name: "w",
        datatype: "UINT8",
        shape: [width, blocks, block / 2],
        content: { raw: bytes((width * width) / 2, 3) },
      },
      weights("s", [width * blocks], { fanIn: width * width }),
    ],
  };
}

function calls(): KindGraph {
  const layers = ["x", "a", "b", "y"];
  return {
    inputs: { x: ["batch", 1254] },
    nodes: [0, 1, 2].map((at) => node(`${layers[at + 1]} = bench:Layer(${layers[at]}, w${at})`)),
    constants: [0, 1, 2].map((at) => weights(`w${at}`, [1254, 1254])),
    functions: [
      {
        name: "Layer",
        domain: "bench",
        inputs: ["v", "w"],
        outputs: ["out"],
        nodes: [node("p = MatMul(v, w)"), node("out = Relu(p)")],
      },
    ],
  };
}

function quantized(): KindGraph {
  const width = 1448;
  const nodes: OnnxNode[] = [node("q0 = QuantizeLinear(x, scale, zero)")];
  for (const at of [0, 1]) {
    nodes.push(
      node(`d${at} = DequantizeLinear(q${at}, scale, zero)`),
      node(`v${at} = DequantizeLinear(w${at}, small, weightZero)`),
      node(`p${at} = MatMul(d${at}, v${at})`),
      node(`q${at + 1} = QuantizeLinear(p${at}, scale, zero)`),
    );
  }
  nodes.push(node("y = DequantizeLinear(q2, scale, zero)"));
  const zero = (name: string, datatype: "INT8" | "UINT8", value: number): OnnxTensor => ({
    name,
    datatype,
    shape: [],
    content: { raw: Uint8Array.of(value) },
  });
  return {
    inputs: { x: ["batch", width] },
    nodes,
    constants: [
      weights("w0", [width, width], { datatype: "INT8" }),
      weights("w1", [width, width], { datatype: "INT8" }),
      scalar("scale", 0.05),
      scalar("small", 0.001),
      zero("zero", "UINT8", 128),
      zero("weightZero", "INT8", 0),
    ],
  };
}

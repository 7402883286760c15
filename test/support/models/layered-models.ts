import { mkdir, open, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import {
  constant,
  encodeModel,
  fp32,
  node,
  type OnnxNode,
  type OnnxTensor,
} from "./onnx-builder.ts";
import type { ProtobufWriter } from "./protobuf-writer.ts";
import { randomWeights, type WeightDatatype, weightBytes } from "./random-weights.ts";

// Models with layers of weights, which are pseudo-random and the same each time.

/** "x" FP32 [batch, inputs] -> one hidden layer with ReLU -> "y" FP32 [batch, outputs]. */
export function mlp(size: { inputs: number; hidden: number; outputs: number }): Uint8Array {
  const { inputs, hidden, outputs } = size;
  return encodeModel({
    inputs: [fp32("x", ["batch", inputs])],
    outputs: [fp32("y", ["batch", outputs])],
    nodes: [
      node("Gemm", ["x", "w1", "b1"], ["h1"]),
      node("Relu", ["h1"], ["h2"]),
      node("Gemm", ["h2", "w2", "b2"], ["y"]),
    ],
    constants: [
      fp32Weights("w1", [inputs, hidden], 1),
      fp32Weights("b1", [hidden], 2),
      fp32Weights("w2", [hidden, outputs], 3),
      fp32Weights("b2", [outputs], 4),
    ],
  }).finish();
}

/** "x" FP32 [batch,3,32,32] -> convolution, pooling, linear layer -> "y" FP32 [batch,10]. */
export function conv(): Uint8Array {
  return encodeModel({
    inputs: [fp32("x", ["batch", 3, 32, 32])],
    outputs: [fp32("y", ["batch", 10])],
    nodes: [
      {
        ...node("Conv", ["x", "kernel"], ["c1"]),
        attributes: {
          kernel_shape: { ints: [3, 3] },
          strides: { ints: [2, 2] },
          auto_pad: { text: "SAME_UPPER" },
        },
      },
      { ...node("LeakyRelu", ["c1"], ["c2"]), attributes: { alpha: { float: 0.125 } } },
      node("GlobalAveragePool", ["c2"], ["c3"]),
      { ...node("Flatten", ["c3"], ["c4"]), attributes: { axis: { int: 1 } } },
      node("Gemm", ["c4", "w", "b"], ["y"]),
    ],
    constants: [
      fp32Weights("kernel", [16, 3, 3, 3], 1),
      fp32Weights("w", [16, 10], 2),
      fp32Weights("b", [10], 3),
    ],
  }).finish();
}

export interface WeightsOptions {
  /** Bytes of all weights together, rounded up to a whole column of the last layer. */
  readonly bytes: number;
  /** FP32 unless said. INT8 weights are dequantized on the way into each layer. */
  readonly datatype?: WeightDatatype;
}

/** "x" [batch, width] -> a chain of matrix products -> "y" [batch, last width]. FP32 for INT8 weights,
 *  else of the weights' own datatype. The width is 2048 from 16 MiB (FP32) on. */
export function weights(options: WeightsOptions): Uint8Array {
  return encodeWeights(options).finish();
}

/** Writes `weights` to a file with one layer in memory at a time. */
export async function writeWeightsModel(
  path: string,
  bytes: number,
  datatype: WeightDatatype = "FP32",
): Promise<void> {
  const file = await open(path, "w");
  try {
    for (const piece of encodeWeights({ bytes, datatype }).pieces()) await file.writeFile(piece);
  } finally {
    await file.close();
  }
}

/** Writes `dir`/model.onnx and its weights in `dir`/`dataFile`; resolves to the path of the former.
 *  "x" FP32 [N,4] -> "y" = x + [1,2,3,4]. */
export async function externalData(dir: string, dataFile = "model.bin"): Promise<string> {
  const amounts = new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer);
  const model = encodeModel({
    inputs: [fp32("x", ["N", 4])],
    outputs: [fp32("y", ["N", 4])],
    nodes: [node("Add", ["x", "amounts"], ["y"])],
    constants: [
      {
        name: "amounts",
        datatype: "FP32",
        shape: [4],
        content: { externalFile: dataFile, sizeBytes: amounts.byteLength },
      },
    ],
  });
  await mkdir(dirname(join(dir, dataFile)), { recursive: true });
  await writeFile(join(dir, dataFile), amounts);
  const path = join(dir, "model.onnx");
  await writeFile(path, model.finish());
  return path;
}

function encodeWeights({ bytes, datatype = "FP32" }: WeightsOptions): ProtobufWriter {
  const elements = Math.ceil(bytes / weightBytes[datatype]);
  // At odd powers of two the random weights keep the scale best, see there.
  const power = 2 * Math.floor((Math.log2(elements) / 2 + 1) / 2) - 1;
  const width = 2 ** Math.min(11, Math.max(1, power));
  const quantized = datatype === "INT8";
  const ioDatatype = quantized ? "FP32" : datatype;
  const nodes: OnnxNode[] = [];
  const constants: OnnxTensor[] = [];
  const last = { value: "x", width };
  for (let rest = elements; rest > 0; rest -= width * last.width) {
    const layer = constants.length;
    last.width = Math.min(width, Math.ceil(rest / width));
    const shape = [width, last.width];
    const raw = randomWeights({ datatype, shape, fanIn: width, seed: layer });
    constants.push({ name: `w${layer}`, datatype, shape, content: { raw } });
    if (quantized) nodes.push(node("DequantizeLinear", [`w${layer}`, "scale"], [`d${layer}`]));
    nodes.push(node("MatMul", [last.value, `${quantized ? "d" : "w"}${layer}`], [`h${layer}`]));
    last.value = `h${layer}`;
  }
  nodes.push(node("Identity", [last.value], ["y"]));
  // Bytes at random have a root mean square of 74 as INT8.
  const scale = constant("scale", "FP32", [], [1 / (74 * Math.sqrt(width))]);
  return encodeModel({
    inputs: [{ name: "x", datatype: ioDatatype, shape: ["batch", width] }],
    outputs: [{ name: "y", datatype: ioDatatype, shape: ["batch", last.width] }],
    nodes,
    constants: quantized ? [...constants, scale] : constants,
  });
}

function fp32Weights(name: string, shape: readonly number[], seed: number): OnnxTensor {
  const fanIn = shape.length > 2 ? shape.slice(1).reduce((a, b) => a * b) : (shape[0] ?? 1);
  return {
    name,
    datatype: "FP32",
    shape,
    content: { raw: randomWeights({ datatype: "FP32", shape, fanIn, seed }) },
  };
}

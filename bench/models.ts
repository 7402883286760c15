import { constant, encodeModel, node, type OnnxNode } from "../test/support/models/onnx-builder.ts";
import { randomWeights } from "../test/support/models/random-weights.ts";
import { addOne } from "../test/support/models/simple-models.ts";

/** A model that the bench runs. Its input "x" and output "y" are FP32. */
export interface BenchModel {
  readonly name: string;
  /** Shape of one request, whose first dimension is the batch. */
  readonly shape: readonly number[];
  /** Elements of the output of one request. */
  readonly outputElements: number;
  make(): Uint8Array;
}

/** 100 bytes: what a call costs with next to no work behind it. */
export const tiny: BenchModel = {
  name: "tiny",
  shape: [1, 4],
  outputElements: 4,
  make: addOne,
};

/** 0.9 MB, some 30 µs a row: small enough for the way there to matter, and worth batching. */
export const mlp: BenchModel = {
  name: "MLP",
  shape: [1, 256],
  outputElements: 10,
  make: () => perceptron([256, 448, 256, 10]),
};

/** 7 MB, 240 million multiplications on an image of 588 KiB: what serving is usually about. */
export const conv: BenchModel = {
  name: "conv",
  shape: [1, 3, 224, 224],
  outputElements: 1000,
  make: () => convolutional([3, 32, 64, 128, 256, 512], 1000),
};

export const benchModels: readonly BenchModel[] = [tiny, mlp, conv];

/** Linear layers of these widths with ReLU between them. */
function perceptron(widths: readonly number[]): Uint8Array {
  const layers = widths.slice(1).map((outputs, index) => ({ inputs: widths[index] ?? 0, outputs }));
  const last = layers.length - 1;
  return encodeModel({
    inputs: [{ name: "x", datatype: "FP32", shape: ["batch", widths[0] ?? 0] }],
    outputs: [{ name: "y", datatype: "FP32", shape: ["batch", widths.at(-1) ?? 0] }],
    nodes: layers.flatMap((_, index) => {
      const from = index === 0 ? "x" : `relu${index - 1}`;
      const to = index === last ? "y" : `linear${index}`;
      const linear = node("Gemm", [from, `w${index}`, `b${index}`], [to]);
      return index === last ? [linear] : [linear, node("Relu", [to], [`relu${index}`])];
    }),
    constants: layers.flatMap(({ inputs, outputs }, index) => [
      weights(`w${index}`, [inputs, outputs], inputs),
      constant(`b${index}`, "FP32", [outputs], new Array<number>(outputs).fill(0.1)),
    ]),
  }).finish();
}

/** Convolutions of 3 x 3 that each halve the image, a mean over what is left, and a linear layer. */
function convolutional(channels: readonly number[], classes: number): Uint8Array {
  const layers = channels
    .slice(1)
    .map((outputs, index) => ({ inputs: channels[index] ?? 0, outputs }));
  const features = channels.at(-1) ?? 0;
  return encodeModel({
    inputs: [{ name: "x", datatype: "FP32", shape: ["batch", channels[0] ?? 0, 224, 224] }],
    outputs: [{ name: "y", datatype: "FP32", shape: ["batch", classes] }],
    nodes: [
      ...layers.flatMap((_, index): OnnxNode[] => [
        {
          ...node("Conv", [index === 0 ? "x" : `relu${index - 1}`, `w${index}`], [`conv${index}`]),
          attributes: {
            kernel_shape: { ints: [3, 3] },
            strides: { ints: [2, 2] },
            pads: { ints: [1, 1, 1, 1] },
          },
        },
        node("Relu", [`conv${index}`], [`relu${index}`]),
      ]),
      node("GlobalAveragePool", [`relu${layers.length - 1}`], ["mean"]),
      { ...node("Flatten", ["mean"], ["features"]), attributes: { axis: { int: 1 } } },
      node("Gemm", ["features", "classWeights", "classBias"], ["y"]),
    ],
    constants: [
      ...layers.map(({ inputs, outputs }, index) =>
        weights(`w${index}`, [outputs, inputs, 3, 3], inputs * 9),
      ),
      weights("classWeights", [features, classes], features),
      constant("classBias", "FP32", [classes], new Array<number>(classes).fill(0)),
    ],
  }).finish();
}

function weights(name: string, shape: readonly number[], fanIn: number) {
  // ONNX Runtime keeps equal tensors once: the seed makes those of each layer different.
  const seed = shape.reduce((sum, size) => sum * 31 + size, 7);
  const raw = randomWeights({ datatype: "FP32", shape, fanIn, seed });
  return { name, datatype: "FP32", shape, content: { raw } } as const;
}

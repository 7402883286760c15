import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { encodeModel } from "../test/support/onnx-builder.ts";
import { addOne, writeWeightsModel } from "../test/support/onnx-models.ts";
import { randomWeights } from "../test/support/random-weights.ts";
import { conv, mlp } from "./models.ts";

const MiB = 1024 * 1024;

/** A model whose memory is compared with what is said of it. */
export interface MemoryModel {
  readonly name: string;
  /** So many are loaded together: enough for the noise of a process to be small beside them. */
  readonly copies: number;
  /** Writes it into the directory; resolves to the path. */
  write(directory: string): Promise<string>;
}

export const memoryModels: readonly MemoryModel[] = [
  model("tiny, 100 bytes", 400, async (path) => writeFile(path, addOne())),
  model("MLP, FP32, 0.9 MiB", 120, async (path) => writeFile(path, mlp.make())),
  model("convolutions, FP32, 8 MiB", 24, async (path) => writeFile(path, conv.make())),
  model("linear, FP32, 16 MiB", 12, (path) => writeWeightsModel(path, 16 * MiB)),
  model("linear, FP16, 12 MiB", 10, (path) => writeWeightsModel(path, 12 * MiB, "FP16")),
  model("linear, FP16, 16 MiB", 1, (path) => writeWeightsModel(path, 16 * MiB, "FP16")),
  model("linear, INT8 with DequantizeLinear, 2 MiB", 24, (path) =>
    writeWeightsModel(path, 2 * MiB, "INT8"),
  ),
  model("linear, INT8 with DequantizeLinear, 8 MiB", 1, (path) =>
    writeWeightsModel(path, 8 * MiB, "INT8"),
  ),
  model("linear, external data, 64 MiB", 1, (path) => writeExternal(path, 4096)),
  model("linear, FP32, 400 MiB", 1, (path) => writeWeightsModel(path, 400 * MiB)),
];

function model(
  name: string,
  copies: number,
  writeTo: (path: string) => Promise<void>,
): MemoryModel {
  return {
    name,
    copies,
    async write(directory) {
      const path = join(directory, `${name.replaceAll(/\W+/g, "-")}.onnx`);
      await writeTo(path);
      return path;
    },
  };
}

/** "x" FP32 [batch, width] -> "y", a product with a square matrix that lies in a file beside the model. */
async function writeExternal(path: string, width: number): Promise<void> {
  const shape = [width, width];
  const externalFile = "external-weights.bin";
  const weights = randomWeights({ datatype: "FP32", shape, fanIn: width, seed: 1 });
  await writeFile(
    join(path, "..", externalFile),
    weights instanceof Uint8Array ? weights : weights.make(),
  );
  const bytes = encodeModel({
    inputs: [{ name: "x", datatype: "FP32", shape: ["batch", width] }],
    outputs: [{ name: "y", datatype: "FP32", shape: ["batch", width] }],
    nodes: [{ op: "MatMul", inputs: ["x", "w"], outputs: ["y"] }],
    constants: [
      {
        name: "w",
        datatype: "FP32",
        shape,
        content: { externalFile, sizeBytes: width * width * 4 },
      },
    ],
  }).finish();
  await writeFile(path, bytes);
}

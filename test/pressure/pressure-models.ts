import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { junk, truncated, unknownOp } from "../support/models/failing-models.ts";
import { bomb, hiddenBomb } from "../support/models/heavy-models.ts";
import { mlp, writeWeightsModel } from "../support/models/layered-models.ts";
import {
  constant,
  encodeModel,
  node,
  type OnnxGraph,
  type OnnxNode,
} from "../support/models/onnx-builder.ts";
import { randomWeights } from "../support/models/random-weights.ts";
import { addOne, identity } from "../support/models/simple-models.ts";

const MiB = 1024 * 1024;

/** Models that take little to hold and much to run, and files that are none. All but the big are written by each run. */
const pressureModels: Readonly<Record<string, () => Uint8Array>> = {
  add: addOne,
  echo: () => identity("FP32"),
  words: () => identity("BYTES"),
  mlp: () => mlp({ inputs: 64, hidden: 512, outputs: 8 }),
  convs,
  lstm,
  attention,
  outer,
  upsample,
  grow,
  wide,
  bomb: () => bomb(),
  hidden: () => hiddenBomb(),
  truncated: () => truncated(convs()),
  junk: () => junk(2 * MiB),
  unknown: unknownOp,
};

/** Writes them all, and "big", whose weights have `bigBytes`, to `root`. */
export async function writePressureModels(root: string, bigBytes: number): Promise<void> {
  for (const [name, make] of Object.entries(pressureModels)) {
    await mkdir(join(root, name), { recursive: true });
    await writeFile(join(root, name, "model.onnx"), make());
  }
  await mkdir(join(root, "big"), { recursive: true });
  await writeWeightsModel(join(root, "big", "model.onnx"), bigBytes);
}

/** "x" FP32 [batch,3,height,width] -> four convolutions that keep the size -> "y" FP32 [batch,1]. */
function convs(): Uint8Array {
  const channels = [3, 16, 32, 32, 16];
  const layers = channels.slice(1).map((outputs, at) => ({ outputs, inputs: channels[at] ?? 0 }));
  return model({
    inputs: [{ name: "x", datatype: "FP32", shape: ["batch", 3, "height", "width"] }],
    outputs: [{ name: "y", datatype: "FP32", shape: ["batch", 1] }],
    nodes: [
      ...layers.flatMap((_, at): OnnxNode[] => [
        {
          ...node("Conv", [at === 0 ? "x" : `r${at - 1}`, `w${at}`], [`c${at}`]),
          attributes: { kernel_shape: { ints: [3, 3] }, pads: { ints: [1, 1, 1, 1] } },
        },
        node("Relu", [`c${at}`], [`r${at}`]),
      ]),
      mean("r3", "means", [2, 3], 0),
      mean("means", "y", [1], 1),
    ],
    constants: layers.map(({ inputs, outputs }, at) => weights(`w${at}`, [outputs, inputs, 3, 3])),
  });
}

/** "x" FP32 [32,batch,64] -> an LSTM of 256 -> "y" FP32 [batch], the mean of its outputs. */
function lstm(): Uint8Array {
  return model({
    inputs: [{ name: "x", datatype: "FP32", shape: [32, "batch", 64] }],
    outputs: [{ name: "y", datatype: "FP32", shape: ["batch"] }],
    nodes: [
      { ...node("LSTM", ["x", "w", "r"], ["all"]), attributes: { hidden_size: { int: 256 } } },
      mean("all", "y", [0, 1, 3], 0),
    ],
    constants: [weights("w", [1, 1024, 64]), weights("r", [1, 1024, 256])],
  });
}

/** "x" FP32 [batch,tokens,32] -> attention of one head over all tokens -> "y" FP32 [batch]. */
function attention(): Uint8Array {
  return model({
    inputs: [{ name: "x", datatype: "FP32", shape: ["batch", "tokens", 32] }],
    outputs: [{ name: "y", datatype: "FP32", shape: ["batch"] }],
    nodes: [
      node("MatMul", ["x", "wq"], ["q"]),
      node("MatMul", ["x", "wk"], ["k"]),
      { ...node("Transpose", ["k"], ["kt"]), attributes: { perm: { ints: [0, 2, 1] } } },
      node("MatMul", ["q", "kt"], ["scores"]),
      { ...node("Softmax", ["scores"], ["shares"]), attributes: { axis: { int: -1 } } },
      node("MatMul", ["shares", "x"], ["mixed"]),
      mean("mixed", "y", [1, 2], 0),
    ],
    constants: [weights("wq", [32, 32]), weights("wk", [32, 32])],
  });
}

/** "x" FP32 [1,n] -> all products of two of them -> "y" FP32 [1], the greatest. */
function outer(): Uint8Array {
  return model({
    inputs: [{ name: "x", datatype: "FP32", shape: [1, "n"] }],
    outputs: [{ name: "y", datatype: "FP32", shape: [1] }],
    nodes: [
      node("Transpose", ["x"], ["t"]),
      node("Mul", ["x", "t"], ["all"]),
      { ...node("ReduceMax", ["all"], ["most"]), attributes: { keepdims: { int: 0 } } },
      node("Unsqueeze", ["most", "zero"], ["y"]),
    ],
    constants: [constant("zero", "INT64", [1], [0])],
  });
}

/** "x" FP32 [batch,3,32,32] -> 16 times the size -> "y" FP32 [batch]. */
function upsample(): Uint8Array {
  return model({
    inputs: [{ name: "x", datatype: "FP32", shape: ["batch", 3, 32, 32] }],
    outputs: [{ name: "y", datatype: "FP32", shape: ["batch"] }],
    nodes: [
      {
        ...node("Resize", ["x", "", "scales"], ["large"]),
        attributes: { mode: { text: "nearest" } },
      },
      mean("large", "y", [1, 2, 3], 0),
    ],
    constants: [constant("scales", "FP32", [4], [1, 1, 16, 16])],
  });
}

/** "n" INT64 [1] -> "y" FP32 [n], all 0.5: eight bytes ask for as many as one likes. */
function grow(): Uint8Array {
  return model({
    inputs: [{ name: "n", datatype: "INT64", shape: [1] }],
    outputs: [{ name: "y", datatype: "FP32", shape: ["n"] }],
    nodes: [
      {
        ...node("ConstantOfShape", ["n"], ["y"]),
        attributes: { value: { tensor: constant("value", "FP32", [1], [0.5]) } },
      },
    ],
  });
}

/** Elements of a row of `wide` on the way. */
const wideElements = 540_672;

/** "x" FP32 [batch,16] -> 2.1 MiB a row on the way -> "y" FP32 [batch]; 33 MiB of weights, so that it has a host of
 *  its own. */
function wide(): Uint8Array {
  return model({
    inputs: [{ name: "x", datatype: "FP32", shape: ["batch", 16] }],
    outputs: [{ name: "y", datatype: "FP32", shape: ["batch"] }],
    nodes: [node("MatMul", ["x", "w"], ["all"]), mean("all", "y", [1], 0)],
    constants: [weights("w", [16, wideElements])],
  });
}

function model(graph: OnnxGraph): Uint8Array {
  return encodeModel(graph).finish();
}

function mean(from: string, to: string, axes: readonly number[], keepdims: 0 | 1): OnnxNode {
  return {
    ...node("ReduceMean", [from], [to]),
    attributes: { axes: { ints: axes }, keepdims: { int: keepdims } },
  };
}

function weights(name: string, shape: readonly number[]) {
  const fanIn = shape.slice(1).reduce((product, size) => product * size, 1);
  const raw = randomWeights({ datatype: "FP32", shape, fanIn, seed: fanIn + name.length });
  return { name, datatype: "FP32", shape, content: { raw } } as const;
}

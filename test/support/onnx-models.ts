import { mkdir, open, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Datatype } from "../../src/base/tensor.ts";
import {
  constant,
  encodeModel,
  type OnnxNode,
  type OnnxTensor,
  type OnnxValue,
} from "./onnx-builder.ts";
import type { ProtobufWriter } from "./protobuf-writer.ts";
import { randomBytes, randomWeights, type WeightDatatype, weightBytes } from "./random-weights.ts";

// Small ONNX models with one property each. All but the file writers return the file's bytes.

/** "x" FP32 [N,4] -> "y" = x + 1. */
export function addOne(): Uint8Array {
  return addConstant(1);
}

/** "x" FP32 [N,4] -> "y" = x + `amount`: tells apart the models that one id held in turn. */
export function addConstant(amount: number): Uint8Array {
  return encodeModel({
    inputs: [fp32("x", ["N", 4])],
    outputs: [fp32("y", ["N", 4])],
    nodes: [node("Add", ["x", "amount"], ["y"])],
    constants: [constant("amount", "FP32", [], [amount])],
  }).finish();
}

/** As `addConstant`, with weights of about `bytes` bytes that leave the result exact: the values of a row go
 *  through a square matrix that is the identity for them. */
export function addsWithWeights(amount: number, bytes: number): Uint8Array {
  const width = Math.max(8, Math.round(Math.sqrt(bytes / 4)));
  const square = new Float32Array(width * width);
  for (let at = 0; at < 4; at++) square[at * width + at] = 1;
  // ONNX Runtime keeps equal tensors only once in memory. Nothing ever meets this element but a zero.
  square[width * width - 1] = amount;
  const identity = (rows: number, columns: number) =>
    Array.from({ length: rows * columns }, (_, at) =>
      at % columns === Math.floor(at / columns) ? 1 : 0,
    );
  return encodeModel({
    inputs: [fp32("x", ["N", 4])],
    outputs: [fp32("y", ["N", 4])],
    nodes: [
      node("MatMul", ["x", "in"], ["wide"]),
      node("MatMul", ["wide", "square"], ["same"]),
      node("MatMul", ["same", "out"], ["back"]),
      node("Add", ["back", "amount"], ["y"]),
    ],
    constants: [
      constant("in", "FP32", [4, width], identity(4, width)),
      {
        name: "square",
        datatype: "FP32",
        shape: [width, width],
        content: { raw: new Uint8Array(square.buffer) },
      },
      constant("out", "FP32", [width, 4], identity(width, 4)),
      constant("amount", "FP32", [], [amount]),
    ],
  }).finish();
}

/** "x" [batch, any] -> "y", the same values. */
export function identity(datatype: Datatype): Uint8Array {
  return encodeIdentity(datatype);
}

/** "x" FP32 [batch, any], which is also the output, and "y" = x + x: an engine may answer the first with the
 *  very memory of the request. */
export function passesThrough(): Uint8Array {
  return encodeModel({
    inputs: [fp32("x", ["batch", ""])],
    outputs: [fp32("x", ["batch", ""]), fp32("y", ["batch", ""])],
    nodes: [node("Add", ["x", "x"], ["y"])],
  }).finish();
}

/** "x" FP32 [] -> "y" = x + x. */
export function scalar(): Uint8Array {
  return fixedShape([]);
}

/** "x" FP32 of exactly `shape` -> "y" = x + x. */
export function fixedShape(shape: readonly number[] = [1, 3, 4]): Uint8Array {
  return encodeModel({
    inputs: [fp32("x", shape)],
    outputs: [fp32("y", shape)],
    nodes: [node("Add", ["x", "x"], ["y"])],
  }).finish();
}

/** "a", "b" FP32 [batch,3] -> "sum" = a + b, "difference" = a - b. */
export function twoInputsTwoOutputs(): Uint8Array {
  return encodeModel({
    inputs: [fp32("a", ["batch", 3]), fp32("b", ["batch", 3])],
    outputs: [fp32("sum", ["batch", 3]), fp32("difference", ["batch", 3])],
    nodes: [node("Add", ["a", "b"], ["sum"]), node("Sub", ["a", "b"], ["difference"])],
  }).finish();
}

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

/** "x" FP32 [batch,4], "n" INT64 [1] -> "y" = x, after `n` products of 512 x 512 matrices, about 3 ms
 *  each on one thread. `rounds`: there is no "n", and every run makes so many. */
export function slowLoop(rounds?: number): Uint8Array {
  const side = 512;
  const count = { name: "n", datatype: "INT64", shape: [1] } as const;
  return encodeModel({
    inputs: [fp32("x", ["batch", 4]), ...(rounds === undefined ? [count] : [])],
    outputs: [fp32("y", ["batch", 4])],
    nodes: [
      node("Squeeze", ["n"], ["count"]),
      {
        ...node("ConstantOfShape", ["matrixShape"], ["start"]),
        attributes: { value: { tensor: constant("value", "FP32", [1], [1 / side]) } },
      },
      {
        ...node("Loop", ["count", "", "start"], ["end"]),
        attributes: { body: { graph: slowLoopBody(side) } },
      },
      // Times zero, so that the answer is exact; the product of an unknown is not folded away.
      node("ReduceMean", ["end"], ["mean"]),
      node("Mul", ["mean", "zero"], ["nothing"]),
      node("Add", ["x", "nothing"], ["y"]),
    ],
    constants: [
      constant("matrixShape", "INT64", [2], [side, side]),
      constant("zero", "FP32", [], [0]),
      ...(rounds === undefined ? [] : [constant("n", "INT64", [1], [rounds])]),
    ],
  }).finish();
}

/** "x" FP32 [batch,4] -> "y" = x less the mean of all of x: its rows depend on each other. */
export function mixesRows(): Uint8Array {
  return encodeModel({
    inputs: [fp32("x", ["batch", 4])],
    outputs: [fp32("y", ["batch", 4])],
    nodes: [node("ReduceMean", ["x"], ["mean"]), node("Sub", ["x", "mean"], ["y"])],
  }).finish();
}

/** "x" FLOAT4E2M1 -> "y": valid ONNX of a later opset, of a datatype that cannot be served. */
export function float4Io(): Uint8Array {
  return encodeIdentity("FLOAT4E2M1");
}

/** Well-formed, with an operator that no engine knows: fails to load. */
export function unknownOp(): Uint8Array {
  return encodeModel({
    inputs: [fp32("x", ["N", 4])],
    outputs: [fp32("y", ["N", 4])],
    nodes: [node("NoSuchOperator", ["x"], ["y"])],
  }).finish();
}

/** "x" FP32 [batch,4] -> "y" = x, by way of an intermediate of `runBytes` bytes: a file of less than
 *  1 KiB that loads into next to nothing and needs 1.5 GiB to run. */
export function bomb(runBytes = 1.5 * 1024 ** 3): Uint8Array {
  return encodeModel({
    inputs: [fp32("x", ["batch", 4])],
    outputs: [fp32("y", ["batch", 4])],
    nodes: [
      node("ReduceMean", ["x"], ["mean"]),
      node("Expand", ["mean", "hugeShape"], ["huge"]),
      node("ReduceMax", ["huge"], ["max"]),
      node("Mul", ["max", "zero"], ["nothing"]),
      node("Add", ["x", "nothing"], ["y"]),
    ],
    constants: [
      constant("hugeShape", "INT64", [2], [1024, Math.ceil(runBytes / 4 / 1024)]),
      constant("zero", "FP32", [], [0]),
    ],
  }).finish();
}

/** As `bomb`, but how much it needs follows from the input, so that the file does not show it. */
export function hiddenBomb(runBytes = 1.5 * 1024 ** 3): Uint8Array {
  const toInt64 = { to: { int: 7 } };
  return encodeModel({
    inputs: [fp32("x", ["batch", 4])],
    outputs: [fp32("y", ["batch", 4])],
    nodes: [
      node("ReduceMean", ["x"], ["mean"]),
      node("Mul", ["mean", "zero"], ["none"]),
      { ...node("Cast", ["none"], ["noneMore"]), attributes: toInt64 },
      node("Add", ["hugeShape", "noneMore"], ["shape"]),
      // The mean has as many dimensions as the input.
      node("Squeeze", ["shape"], ["list"]),
      node("Expand", ["mean", "list"], ["huge"]),
      node("ReduceMax", ["huge"], ["max"]),
      node("Mul", ["max", "zero"], ["nothing"]),
      node("Add", ["x", "nothing"], ["y"]),
    ],
    constants: [
      constant("hugeShape", "INT64", [2], [1024, Math.ceil(runBytes / 4 / 1024)]),
      constant("zero", "FP32", [], [0]),
    ],
  }).finish();
}

/** "index" INT64 [batch] -> "word" BYTES [batch]: "zero", "one" or "zwölf". The run fails for every
 *  other index than 0, 1 and 2 (and -1 to -3, which count from the end). */
export function failsAtRun(): Uint8Array {
  return encodeModel({
    inputs: [{ name: "index", datatype: "INT64", shape: ["batch"] }],
    outputs: [{ name: "word", datatype: "BYTES", shape: ["batch"] }],
    nodes: [node("Gather", ["words", "index"], ["word"])],
    constants: [
      {
        name: "words",
        datatype: "BYTES",
        shape: [3],
        content: { strings: ["zero", "one", "zwölf"] },
      },
    ],
  }).finish();
}

/** No input -> "y" FP32 [3] = 1, 2, 3. */
export function withoutInputs(): Uint8Array {
  return encodeModel({
    inputs: [],
    outputs: [fp32("y", [3])],
    nodes: [node("Identity", ["values"], ["y"])],
    constants: [constant("values", "FP32", [3], [1, 2, 3])],
  }).finish();
}

/** "x" FP32 [N,4] -> "y": kills its process by SIGFPE at the run, if a value of `divisor` is -1: the least
 *  64-bit integer divided by -1 has no result. */
export function crashesAtRun(divisor: "x" | "always -1" = "always -1"): Uint8Array {
  const toInt64 = { to: { int: 7 } };
  return encodeModel({
    inputs: [fp32("x", ["N", 4])],
    outputs: [fp32("y", ["N", 4])],
    nodes: [
      // Of the input, so that nothing is folded when the model loads.
      node("Mul", ["x", "zero"], ["nothing"]),
      node("Add", ["nothing", "least"], ["dividend"]),
      node("Add", ["nothing", "minusOne"], ["always -1"]),
      { ...node("Cast", ["dividend"], ["integer"]), attributes: toInt64 },
      { ...node("Cast", [divisor], ["by"]), attributes: toInt64 },
      node("Div", ["integer", "by"], ["quotient"]),
      { ...node("Cast", ["quotient"], ["y"]), attributes: { to: { int: 1 } } },
    ],
    constants: [
      constant("zero", "FP32", [], [0]),
      constant("least", "FP32", [], [-(2 ** 63)]),
      constant("minusOne", "FP32", [], [-1]),
    ],
  }).finish();
}

/** "x" FP32 [N,4] -> "y", a sequence of its rows: nobody knows how many tensors those are. */
export function sequenceOutput(): Uint8Array {
  return encodeModel({
    inputs: [fp32("x", ["N", 4])],
    outputs: [{ ...fp32("y", ["N", 4]), sequence: true }],
    nodes: [node("SplitToSequence", ["x"], ["y"])],
  }).finish();
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

/** The first half of a model's bytes, as an interrupted copy leaves them. */
export function truncated(model: Uint8Array): Uint8Array {
  return model.slice(0, model.byteLength >> 1);
}

/** `sizeBytes` bytes that are not a model, the same at every call. */
export function junk(sizeBytes: number): Uint8Array {
  return randomBytes(sizeBytes, 0);
}

function encodeIdentity(datatype: OnnxValue["datatype"]): Uint8Array {
  return encodeModel({
    inputs: [{ name: "x", datatype, shape: ["batch", ""] }],
    outputs: [{ name: "y", datatype, shape: ["batch", ""] }],
    nodes: [node("Identity", ["x"], ["y"])],
  }).finish();
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

function slowLoopBody(side: number) {
  const flag = { datatype: "BOOL", shape: [] } as const;
  return {
    inputs: [
      { name: "iteration", datatype: "INT64", shape: [] },
      { ...flag, name: "goOn" },
      fp32("before", [side, side]),
    ],
    outputs: [{ ...flag, name: "goOnStill" }, fp32("after", [side, side])],
    nodes: [
      node("MatMul", ["before", "before"], ["squared"]),
      // Keeps every row's sum at 1: the values neither grow nor fade, however long the loop.
      node("Softmax", ["squared"], ["after"]),
      node("Identity", ["goOn"], ["goOnStill"]),
    ],
  } as const;
}

function fp32(name: string, shape: OnnxValue["shape"]): OnnxValue {
  return { name, datatype: "FP32", shape };
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

function node(op: string, inputs: readonly string[], outputs: readonly string[]): OnnxNode {
  return { op, inputs, outputs };
}

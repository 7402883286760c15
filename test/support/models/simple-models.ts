import type { Datatype } from "../../../src/base/tensor.ts";
import { constant, encodeModel, fp32, node } from "./onnx-builder.ts";

// Small ONNX models that answer, with one property each. All return the file's bytes.

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
  return encodeModel({
    inputs: [{ name: "x", datatype, shape: ["batch", ""] }],
    outputs: [{ name: "y", datatype, shape: ["batch", ""] }],
    nodes: [node("Identity", ["x"], ["y"])],
  }).finish();
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

/** "x" FP32 [batch,4] -> "y" = x less the mean of all of x: its rows depend on each other. */
export function mixesRows(): Uint8Array {
  return encodeModel({
    inputs: [fp32("x", ["batch", 4])],
    outputs: [fp32("y", ["batch", 4])],
    nodes: [node("ReduceMean", ["x"], ["mean"]), node("Sub", ["x", "mean"], ["y"])],
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

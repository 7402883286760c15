import { constant, encodeModel, fp32, node } from "./onnx-builder.ts";

// Models that take long, or much memory, to run: more than their files show.

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

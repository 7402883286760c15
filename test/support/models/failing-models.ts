import { constant, encodeModel, fp32, node } from "./onnx-builder.ts";
import { randomBytes } from "./random-weights.ts";

// Models that fail to load, or at a run. All return the file's bytes.

/** "x" FLOAT4E2M1 -> "y": valid ONNX of a later opset, of a datatype that cannot be served. */
export function float4Io(): Uint8Array {
  const tensor = { datatype: "FLOAT4E2M1", shape: ["batch", ""] } as const;
  return encodeModel({
    inputs: [{ ...tensor, name: "x" }],
    outputs: [{ ...tensor, name: "y" }],
    nodes: [node("Identity", ["x"], ["y"])],
  }).finish();
}

/** Well-formed, with an operator that no engine knows: fails to load. */
export function unknownOp(): Uint8Array {
  return encodeModel({
    inputs: [fp32("x", ["N", 4])],
    outputs: [fp32("y", ["N", 4])],
    nodes: [node("NoSuchOperator", ["x"], ["y"])],
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

/** The first half of a model's bytes, as an interrupted copy leaves them. */
export function truncated(model: Uint8Array): Uint8Array {
  return model.slice(0, model.byteLength >> 1);
}

/** `sizeBytes` bytes that are not a model, the same at every call. */
export function junk(sizeBytes: number): Uint8Array {
  return randomBytes(sizeBytes, 0);
}

import { constant, encodeModel, node } from "./onnx-builder.ts";

// Models whose first dimension varies and whose rows depend on each other, as real ones do. All return the file's
// bytes.

const opsets = { "": 19 };
const tokens = 50;
const width = 4;

/** "ids" INT64 [n], of which 0 is padding, below 50 -> "y" FP32 [n,4]: each token's embedding after attention to all
 *  others of the sequence that are not padding. */
export function maskedAttention(): Uint8Array {
  const table = Array.from({ length: tokens * width }, (_, at) => Math.sin(at));
  return encodeModel(
    {
      inputs: [{ name: "ids", datatype: "INT64", shape: ["n"] }],
      outputs: [{ name: "y", datatype: "FP32", shape: ["n", width] }],
      nodes: [
        node("Gather", ["table", "ids"], ["embedded"]),
        node("Transpose", ["embedded"], ["keys"]),
        node("MatMul", ["embedded", "keys"], ["scores"]),
        node("Equal", ["ids", "padding"], ["isPadding"]),
        node("Where", ["isPadding", "least", "nothing"], ["bias"]),
        node("Add", ["scores", "bias"], ["masked"]),
        node("Softmax", ["masked"], ["weights"]),
        node("MatMul", ["weights", "embedded"], ["y"]),
      ],
      constants: [
        constant("table", "FP32", [tokens, width], table),
        constant("padding", "INT64", [], [0]),
        constant("least", "FP32", [], [-1e9]),
        constant("nothing", "FP32", [], [0]),
      ],
    },
    opsets,
  ).finish();
}

/** "x" BYTES [n] -> "y" BOOL [n]: whether each is the same as the first. */
export function likeTheFirst(): Uint8Array {
  return encodeModel(
    {
      inputs: [{ name: "x", datatype: "BYTES", shape: ["n"] }],
      outputs: [{ name: "y", datatype: "BOOL", shape: ["n"] }],
      nodes: [node("Gather", ["x", "place"], ["first"]), node("Equal", ["x", "first"], ["y"])],
      constants: [constant("place", "INT64", [], [0])],
    },
    opsets,
  ).finish();
}

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { create } from "@bufbuild/protobuf";
import { ModelInferResponseSchema } from "../../../../gen/inference/inference_pb.ts";
import { writeLong } from "../../../../src/base/raw-json.ts";
import { toInferenceJson, toInferenceText } from "../../../../src/cli/show/outputs.ts";
import { formatTable } from "../../../../src/cli/show/terminal-text.ts";

describe("a table", () => {
  it("is as wide as it needs to be, with figures to the right", () => {
    const rows = [
      ["NAME", "SIZE", "WHY"],
      ["a", "12", ""],
      ["long", "1", "b"],
    ];
    const text = formatTable(rows, new Set([1]));
    assert.equal(text, "NAME  SIZE  WHY\na       12\nlong     1  b\n");
  });

  it("never hands control characters to the terminal", () => {
    assert.equal(formatTable([["\x1b[2Ja\u009bb\n"]]), "\\x1b[2Ja\\x9bb\\x0a\n");
  });
});

describe("an answer", () => {
  const answer = (datatype: string, shape: number[], data: ArrayBufferView) =>
    create(ModelInferResponseSchema, {
      modelName: "m",
      outputs: [{ name: "y", datatype, shape: shape.map(BigInt) }],
      rawOutputContents: [new Uint8Array(data.buffer, data.byteOffset, data.byteLength)],
    });

  it("is nested as its shape says, scalars and empty tensors included", () => {
    const matrix = answer("INT32", [2, 2], Int32Array.of(1, 2, 3, 4));
    assert.equal(toInferenceText(matrix), "y INT32[2,2]\n  [[1, 2], [3, 4]]\n");
    const scalar = answer("FP32", [], Float32Array.of(0.1));
    assert.equal(toInferenceText(scalar), "y FP32[]\n  0.1\n");
    assert.equal(
      toInferenceText(answer("FP32", [0, 3], new Float32Array())),
      "y FP32[0,3]\n  []\n",
    );
  });

  it("of many elements shows people the first and last, and programs all", () => {
    const long = answer(
      "INT16",
      [1001],
      Int16Array.from({ length: 1001 }, (_, index) => index),
    );
    assert.equal(toInferenceText(long), "y INT16[1001]\n  [0, 1, 2, …, 998, 999, 1000]\n");
    assert.equal(toInferenceJson(long).outputs[0]?.data.length, 1001);
  });

  it("has exact integers, null for what JSON cannot say, and base64 for what is not text", () => {
    const long = answer("UINT64", [1], BigUint64Array.of(2n ** 64n - 1n));
    assert.ok(
      JSON.stringify(toInferenceJson(long), writeLong).includes('"data":[18446744073709551615]'),
    );
    const odd = answer("FP64", [3], Float64Array.of(Number.NaN, Number.POSITIVE_INFINITY, 0.5));
    assert.deepEqual(toInferenceJson(odd).outputs[0]?.data, [null, null, 0.5]);
    const bytes = answer("BYTES", [1], Uint8Array.of(2, 0, 0, 0, 0xff, 0xfe));
    assert.deepEqual(toInferenceJson(bytes).outputs[0], {
      name: "y",
      datatype: "BYTES",
      shape: [1],
      parameters: { content_type: "base64" },
      data: ["//4="],
    });
    const text = answer("BYTES", [1], Uint8Array.of(3, 0, 0, 0, 0x1b, 0xc2, 0x9b));
    assert.equal(toInferenceText(text), 'y BYTES[1]\n  ["\\u001b\\x9b"]\n');
  });
});

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { packTexts } from "../../../../src/base/packed-texts.ts";
import type { Tensor } from "../../../../src/base/tensor.ts";
import { encodeV1Inference } from "../../../../src/rpc/rest/v1-response.ts";

function fp32(name: string, shape: readonly number[], values: readonly number[]): Tensor {
  const data = new Uint8Array(Float32Array.from(values).buffer);
  return { name, datatype: "FP32", shape, data };
}

const answer = (...outputs: Tensor[]): unknown =>
  JSON.parse(encodeV1Inference({ version: "", outputs }).toString());

describe("an answer of V1", () => {
  it("has one value for each row", () => {
    assert.deepEqual(answer(fp32("y", [3], [1, 2, Number.NaN])), { predictions: [1, 2, null] });
    assert.deepEqual(answer(fp32("y", [2, 2], [1, 2, 3, 4])), {
      predictions: [
        [1, 2],
        [3, 4],
      ],
    });
    assert.deepEqual(answer(fp32("y", [1, 1, 2], [1, 2])), { predictions: [[[1, 2]]] });
  });

  it("has one object for each row if there are several outputs", () => {
    const outputs = [fp32("y", [2], [1, 2]), fp32("z", [2, 1], [3, 4])];
    assert.deepEqual(answer(...outputs), {
      predictions: [
        { y: 1, z: [3] },
        { y: 2, z: [4] },
      ],
    });
    assert.deepEqual(answer(fp32("y", [2], [1, 2]), fp32("z", [], [3])), {
      predictions: { y: [1, 2], z: 3 },
    });
  });

  it("has the column form of TensorFlow Serving too, if it is asked for", () => {
    const columns = (...outputs: Tensor[]): unknown =>
      JSON.parse(encodeV1Inference({ version: "", outputs }, { columns: true }).toString());
    assert.deepEqual(columns(fp32("y", [2], [1, 2])), { predictions: [1, 2], outputs: [1, 2] });
    assert.deepEqual(columns(fp32("y", [2], [1, 2]), fp32("z", [2, 1], [3, 4])), {
      predictions: [
        { y: 1, z: [3] },
        { y: 2, z: [4] },
      ],
      outputs: { y: [1, 2], z: [[3], [4]] },
    });
  });

  it("has bytes as base64 in objects, where they are no text or the name of the output says so", () => {
    const bytes = (name: string, ...elements: (string | Uint8Array)[]): Tensor => ({
      ...{ name, datatype: "BYTES", shape: [elements.length], data: packTexts(elements) },
    });
    assert.deepEqual(answer(bytes("label", "é")), { predictions: ["é"] });
    assert.deepEqual(answer(bytes("image", Uint8Array.of(255), "a")), {
      predictions: [{ b64: "/w==" }, { b64: "YQ==" }],
    });
    assert.deepEqual(answer(bytes("image_bytes", "a")), { predictions: [{ b64: "YQ==" }] });
  });

  it("may be empty", () => {
    assert.deepEqual(answer(fp32("y", [0, 3], [])), { predictions: [] });
    assert.deepEqual(answer(fp32("y", [2, 0], [])), { predictions: [] });
  });

  it("is refused if it is too long", () => {
    const long = fp32(
      "y",
      [251, 1_000],
      Array.from({ length: 251_000 }, () => 0),
    );
    assert.throws(() => encodeV1Inference({ version: "", outputs: [long] }), {
      kind: "invalid-argument",
      message: /has 251000 elements, and V1 takes 250000 at most/,
    });
  });
});

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Tensor, TensorSpec } from "../../../src/base/tensor.ts";
import type { ModelMetadata } from "../../../src/engine/contract/engine.ts";
import { checkInference } from "../../../src/service/inference-check.ts";

const metadata: ModelMetadata = {
  platform: "onnx_onnxv1",
  inputs: [
    { name: "image", datatype: "FP32", shape: [-1, 784] },
    { name: "scale", datatype: "INT32", shape: [] },
  ],
  outputs: [
    { name: "label", datatype: "INT64", shape: [-1] },
    { name: "text", datatype: "BYTES", shape: [-1] },
  ],
};
const image = (shape = [1, 784], byteCount = 4 * 784): Tensor => ({
  name: "image",
  datatype: "FP32",
  shape,
  data: new Uint8Array(byteCount),
});
const scale: Tensor = { name: "scale", datatype: "INT32", shape: [], data: new Uint8Array(4) };
const check = (inputs: Tensor[], outputs: string[] = []) =>
  checkInference("M", metadata, { version: "", inputs, outputs });

describe("checking an inference request", () => {
  it("passes what fits, in any order, and asks for all outputs by default", () => {
    const checked = check([scale, image()]);
    assert.deepEqual(checked.outputs, ["label", "text"]);
    assert.deepEqual(check([image([0, 784], 0), scale], ["text"]).outputs, ["text"]);
  });

  it("takes any shape where the model does not say how many dimensions there are", () => {
    const [x] = metadata.inputs as [TensorSpec];
    const free: ModelMetadata = { ...metadata, inputs: [{ ...x, shape: [], hasAnyRank: true }] };
    for (const shape of [[], [1], [2, 3], [1, 1, 1, 1, 0]]) {
      const count = shape.reduce((product, size) => product * size, 1);
      const request = { version: "", inputs: [image(shape, 4 * count)], outputs: [] };
      assert.equal(checkInference("M", free, request).inputs.length, 1);
    }
    const short = { version: "", inputs: [image([2, 3], 4)], outputs: [] };
    assert.throws(() => checkInference("M", free, short), /has 4 bytes, expected 24/);
  });

  it("does not miss an optional input, and checks one that is given", () => {
    const factor: TensorSpec = { name: "k", datatype: "FP32", shape: [1], isOptional: true };
    const more: ModelMetadata = { ...metadata, inputs: [...metadata.inputs, factor] };
    const checkMore = (inputs: Tensor[]) =>
      checkInference("M", more, { version: "", inputs, outputs: [] });
    const k: Tensor = { name: "k", datatype: "FP32", shape: [1], data: new Uint8Array(4) };
    assert.equal(checkMore([image(), scale]).inputs.length, 2);
    assert.equal(checkMore([image(), scale, k]).inputs.length, 3);
    assert.throws(() => checkMore([image(), k]), /^RuntimeError: input 'scale' is missing/);
    assert.throws(
      () => checkMore([image(), scale, { ...k, shape: [] }]),
      /unexpected shape for input 'k'/,
    );
  });

  const cases: [name: string, inputs: Tensor[], outputs: string[], message: string][] = [
    [
      "a wrong dimension",
      [image([1, 783], 4 * 783), scale],
      [],
      "unexpected shape for input 'image' for model 'M'. Expected [-1,784], got [1,783]",
    ],
    [
      "a wrong rank",
      [image([784]), scale],
      [],
      "unexpected shape for input 'image' for model 'M'. Expected [-1,784], got [784]",
    ],
    [
      "a wrong datatype",
      [{ ...image(), datatype: "INT32" }, scale],
      [],
      "input 'image' data-type is 'INT32', model expects 'FP32' for 'M'",
    ],
    [
      "too few bytes",
      [image([1, 784], 12), scale],
      [],
      "input 'image' for model 'M' has 12 bytes, expected 3136 for FP32 of shape [1,784]",
    ],
    [
      "a negative dimension",
      [image([-1, 784]), scale],
      [],
      "input 'image' for model 'M' has shape [-1,784]: every dimension must be an integer from 0 to 2^53",
    ],
    [
      "an overflowing shape",
      [image([2 ** 53 - 1, 784]), scale],
      [],
      "input 'image' for model 'M' has shape [9007199254740991,784]: too many elements",
    ],
    ["a missing input", [image()], [], "input 'scale' is missing in the request for model 'M'"],
    [
      "an unknown input",
      [image(), scale, { ...scale, name: "x" }],
      [],
      "input 'x' is unknown to model 'M', which takes 'image', 'scale'",
    ],
    ["an input given twice", [image(), image(), scale], [], "input 'image' is given twice"],
    [
      "an unknown output",
      [image(), scale],
      ["y"],
      "output 'y' is unknown to model 'M', which gives 'label', 'text'",
    ],
    [
      "an output asked for twice",
      [image(), scale],
      ["text", "text"],
      "output 'text' is requested twice",
    ],
  ];
  for (const [name, inputs, outputs, message] of cases) {
    it(`names ${name}`, () => {
      assert.throws(() => check(inputs, outputs), { kind: "invalid-argument", message });
    });
  }
});

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readModelSpec } from "../../../../src/service/lifecycle/model-spec.ts";

const known = (format: string) => format === "onnx";
const read = (type: string, key: string) => readModelSpec({ id: "m", path: "p", type, key }, known);

describe("the model type", () => {
  const cases: [type: string, key: string, format: string | undefined][] = [
    ["mt:onnx", "", "onnx"],
    ["mt:onnx:1", "", "onnx"],
    ["mt:onnx|pv:grpc-v2", "", "onnx"],
    ["mt:ONNX:1.2|pv:v2", "", "onnx"],
    ["onnx", "", "onnx"],
    ["onnx:1", "", "onnx"],
    ["rt:my-runtime", "", undefined],
    ["", "", undefined],
    ["mt:", "", undefined],
    ["mt:sklearn", '{"model_type":{"name":"onnx","version":"1"}}', "onnx"],
    ["rt:ovms", '{"model_type":"onnx"}', "onnx"],
    ["mt:onnx", '{"model_type":{"version":"1"}}', "onnx"],
    ["mt:onnx", '{"model_type":7}', "onnx"],
  ];
  for (const [type, key, format] of cases) {
    it(`'${type}' with key '${key}' means ${format ?? "whatever the file says"}`, () => {
      assert.equal(read(type, key).format, format);
    });
  }

  it("is refused by name when no engine knows it", () => {
    assert.throws(() => read("mt:tensorflow:1", ""), {
      kind: "invalid-argument",
      message: "model type 'tensorflow' of model 'm' is not supported",
    });
  });
});

describe("the size on disk", () => {
  it("is taken from the key if it is a sensible number", () => {
    assert.equal(read("", '{"disk_size_bytes":54321}').diskBytes, 54321);
    for (const bad of ['"54321"', "-1", "0", "1.5", "null", "1e300"]) {
      assert.equal(read("", `{"disk_size_bytes":${bad}}`).diskBytes, undefined, bad);
    }
  });
});

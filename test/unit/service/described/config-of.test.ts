import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { TensorSpec } from "../../../../src/base/tensor.ts";
import { defaultRunSettings } from "../../../../src/config/run-settings.ts";
import { readTritonConfig } from "../../../../src/models/triton-config.ts";
import { type ConfiguredModel, configOf } from "../../../../src/service/described/config-of.ts";
import { textFacts } from "../../../support/fakes/fake-text-target.ts";

const rows: TensorSpec = { name: "x", datatype: "FP32", shape: [-1, 4] };
const answer: TensorSpec = { name: "y", datatype: "FP32", shape: [-1, 2] };
const noCache = { keepsVectors: false };

function model(
  specs: { inputs?: TensorSpec[]; outputs?: TensorSpec[] } = {},
  {
    joining = "proven",
    isBatched,
    triton,
  }: {
    joining?: "proven" | "promised" | "off";
    isBatched?: boolean;
    triton?: string;
  } = {},
): ConfiguredModel {
  const { inputs = [rows], outputs = [answer] } = specs;
  return {
    loaded: {
      metadata: { platform: "onnx_onnxv1", inputs, outputs },
      joining: { state: joining, reason: "" },
    },
    source: { format: "onnx", file: "/models/m/1/model.onnx" },
    settings: { ...defaultRunSettings, maxBatchSize: 16 },
    configuration: {
      isBatched,
      triton: triton === undefined ? undefined : readTritonConfig(triton, "config.pbtxt"),
    },
  };
}

describe("the configuration of a loaded model", () => {
  it("has rows where all tensors have them and the model's rows are independent", () => {
    const config = configOf(model(), noCache);
    assert.equal(config.maxBatchSize, 16);
    assert.equal(config.isJoined, true);
    assert.equal(config.fileName, "model.onnx");
    assert.deepEqual(config.inputs, [rows]);
  });

  it("has none where a tensor has none, of any rank too, and where rows depend on each other", () => {
    const fixed = { ...rows, shape: [1, 4] };
    const scalar = { ...answer, shape: [] };
    const anything: TensorSpec = { ...rows, shape: [-1], hasAnyRank: true };
    for (const specs of [
      { inputs: [rows, fixed] },
      { outputs: [scalar] },
      { inputs: [anything] },
    ]) {
      assert.equal(configOf(model(specs), noCache).maxBatchSize, 0, JSON.stringify(specs));
    }
    const apart = configOf(model({}, { joining: "off" }), noCache);
    assert.deepEqual([apart.maxBatchSize, apart.isJoined], [0, false]);
  });

  it("has none where an input has no dimension beside the rows, as that of text models", () => {
    const text: TensorSpec = { name: "text", datatype: "BYTES", shape: [-1] };
    const config = configOf(model({ inputs: [text] }), noCache);
    assert.deepEqual([config.maxBatchSize, config.isJoined], [0, true]);
    assert.deepEqual(config.inputs, [text]);
    const list = configOf(model({ outputs: [{ ...answer, shape: [-1] }] }), noCache);
    assert.equal(list.maxBatchSize, 16);
  });

  it("says of a text model whether its vectors are kept", () => {
    const { loaded, ...others } = model();
    const metadata = { ...loaded.metadata, text: textFacts() };
    const texts = { ...others, loaded: { ...loaded, metadata } };
    assert.equal(configOf(texts, { keepsVectors: true }).hasCache, true);
    assert.equal(configOf(texts, noCache).hasCache, false);
    assert.equal(configOf(model(), { keepsVectors: true }).hasCache, false);
  });

  it("has what config.pbtxt says, whatever the file of the model shows", () => {
    const triton = `max_batch_size: 16 version_policy { latest { num_versions: 2 } }
      output { name: "y" label_filename: "labels.txt" }`;
    const config = configOf(model({}, { joining: "off", isBatched: true, triton }), noCache);
    assert.equal(config.maxBatchSize, 16);
    assert.deepEqual(config.versions, { tag: "latest", count: 2 });
    assert.deepEqual(config.outputs, [{ ...answer, labelFile: "labels.txt" }]);
    assert.equal(configOf(model({}, { isBatched: false }), noCache).maxBatchSize, 0);
  });
});

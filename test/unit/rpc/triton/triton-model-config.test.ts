import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { toJson } from "@bufbuild/protobuf";
import { ModelConfigSchema } from "../../../../gen/inference/inference_pb.ts";
import { type Datatype, elementBytes } from "../../../../src/base/tensor.ts";
import { defaultRunSettings } from "../../../../src/config/run-settings.ts";
import {
  modelConfigJson,
  modelConfigMessage,
} from "../../../../src/rpc/triton/triton-model-config.ts";
import type { ModelConfig } from "../../../../src/service/contract/model-config.ts";

const config: ModelConfig = {
  format: "onnx",
  platform: "onnx_onnxv1",
  fileName: "model.onnx",
  maxBatchSize: 8,
  isJoined: true,
  inputs: [
    { name: "x", datatype: "FP32", shape: [-1, 3, -1] },
    { name: "n", datatype: "INT64", shape: [-1], isOptional: true },
  ],
  outputs: [{ name: "y", datatype: "BYTES", shape: [-1, 2], labelFile: "labels.txt" }],
  settings: {
    ...defaultRunSettings,
    maxQueueDelayMicroseconds: 500,
    queueTimeoutMicroseconds: 7_000,
    maxQueueSize: 64,
    threads: 2,
  },
  versions: { tag: "specific", versions: ["1", "3"] },
  hasCache: false,
};

describe("a model's configuration for Triton's clients", () => {
  it("has the fields, names and kinds of values of Triton's REST", () => {
    assert.deepEqual(modelConfigJson("m", config), {
      name: "m",
      platform: "onnxruntime_onnx",
      backend: "onnxruntime",
      version_policy: { specific: { versions: [1, 3] } },
      max_batch_size: 8,
      input: [
        { name: "x", data_type: "TYPE_FP32", dims: [3, -1], optional: false },
        { name: "n", data_type: "TYPE_INT64", dims: [], optional: true },
      ],
      output: [{ name: "y", data_type: "TYPE_STRING", dims: [2], label_filename: "labels.txt" }],
      dynamic_batching: {
        max_queue_delay_microseconds: 500,
        default_queue_policy: {
          timeout_action: "REJECT",
          default_timeout_microseconds: 7_000,
          max_queue_size: 64,
        },
      },
      instance_group: [{ name: "m", count: 1, kind: "KIND_CPU" }],
      default_model_filename: "model.onnx",
      parameters: { intra_op_thread_count: { string_value: "2" } },
      model_transaction_policy: { decoupled: false },
      response_cache: { enable: false },
    });
  });

  it("has dimensions with rows, and no batching, where requests are not rows", () => {
    const json = modelConfigJson("m", { ...config, maxBatchSize: 0, isJoined: false });
    assert.deepEqual(
      (json["input"] as { dims: number[] }[]).map(({ dims }) => dims),
      [[-1, 3, -1], [-1]],
    );
    assert.ok(!("dynamic_batching" in json));
  });

  it("says the same over gRPC", () => {
    for (const each of [config, { ...config, maxBatchSize: 0, isJoined: false, hasCache: true }]) {
      const told = toJson(ModelConfigSchema, modelConfigMessage("m", each), {
        useProtoFieldName: true,
        alwaysEmitImplicit: true,
      });
      // There, JSON has 64-bit integers as text.
      const plain = JSON.parse(JSON.stringify(told), (key, value) =>
        typeof value === "string" && key !== "string_value" && /^-?\d+$/.test(value)
          ? Number(value)
          : value,
      );
      assert.deepEqual(plain, modelConfigJson("m", each));
    }
  });

  it("knows every datatype, and names other formats as this server does", () => {
    for (const datatype of Object.keys(elementBytes) as Datatype[]) {
      const inputs = [{ name: "x", datatype, shape: [-1] }];
      const { input } = modelConfigMessage("m", { ...config, inputs });
      assert.notEqual(input[0]?.dataType, 0, datatype);
    }
    const trees = modelConfigJson("m", { ...config, format: "xgboost", platform: "xgboost_xgb" });
    assert.deepEqual([trees["platform"], trees["backend"]], ["xgboost_xgb", ""]);
  });
});

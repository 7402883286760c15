import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { TensorSpec } from "../../../src/base/tensor.ts";
import {
  readTritonConfig,
  tritonMismatch,
  versionsByPolicy,
} from "../../../src/models/triton-config.ts";

const read = (text: string) => readTritonConfig(text, "m/config.pbtxt");

/** As a person would write it for a classifier of images. */
const usual = `
name: "densenet" # the folder
platform: "onnxruntime_onnx"
max_batch_size: 8
input [ { name: "x", data_type: TYPE_FP32, format: FORMAT_NCHW, dims: [ 3, 224, -1 ] } ]
output {
  name: "y"
  data_type: TYPE_STRING
  dims: 1000
  reshape { shape: [ ] }
  label_filename: "labels.txt"
}
version_policy: { latest { num_versions: 2 } }
dynamic_batching {
  preferred_batch_size: [ 4, 8 ]
  max_queue_delay_microseconds: 100
  default_queue_policy { max_queue_size: 16 default_timeout_microseconds: 5000 timeout_action: REJECT }
}
instance_group [ { count: 2 kind: KIND_GPU gpus: [ 0 ] } ]
parameters { key: "intra_op_thread_count" value { string_value: "3" } }
parameters { key: "execution_mode" value { string_value: "1" } }
optimization { graph { level: 1 } }
`;

describe("Triton's model configuration", () => {
  it("may be for FIL, whose answers have a form of their own", () => {
    const fil = `
      backend: "fil" max_batch_size: 8
      input { name: "input__0" data_type: TYPE_FP32 dims: 2 }
      output { name: "output__0" data_type: TYPE_FP32 dims: 1 }
      parameters { key: "model_type" value { string_value: "xgboost_json" } }
      parameters { key: "threshold" value { string_value: "0.5" } }
      parameters { key: "predict_proba" value { string_value: "true" } }
    `;
    const config = read(fil);
    assert.deepEqual([config.isForFil, config.filAnswer, config.ignored], [true, "shares", []]);
    const inputs = [{ name: "input__0", datatype: "FP32", shape: [-1, 2] }] as const;
    const list = { name: "output__0", datatype: "FP32", shape: [-1] } as const;
    assert.equal(tritonMismatch(config, { inputs, outputs: [list] }), undefined);
    const shares = { ...list, shape: [-1, 3] };
    assert.match(tritonMismatch(config, { inputs, outputs: [shares] }) ?? "", /\[-1,1\] with the/);
    const answerOf = (values: Readonly<Record<string, string>>) => {
      const parameters = Object.entries(values).map(
        ([key, value]) => `parameters { key: "${key}" value { string_value: "${value}" } }`,
      );
      return read(parameters.join("\n")).filAnswer;
    };
    assert.equal(answerOf({ predict_proba: "false" }), "values");
    assert.equal(answerOf({ output_class: "false", threshold: "0.3" }), "values");
    assert.equal(answerOf({ output_class: "true", threshold: "0.5000" }), "class");
    assert.equal(answerOf({ output_class: "true", predict_proba: "true" }), "shares");
    for (const threshold of ["0.3", "x"]) {
      assert.throws(() => answerOf({ output_class: "true", threshold }), {
        message: /parameters : threshold is .*, and classes are told at 0\.5: set predict_proba/,
      });
    }
  });

  it("is read as far as it means something here, and the rest is named", () => {
    assert.deepEqual(read(usual), {
      threads: 3,
      isForFil: false,
      filAnswer: "values",
      maxBatchSize: 8,
      maxQueueDelayMicroseconds: 100,
      maxQueueSize: 16,
      queueTimeoutMicroseconds: 5000,
      modelFile: undefined,
      versionPolicy: { tag: "latest", count: 2 },
      inputs: [{ name: "x", datatype: "FP32", dims: [3, 224, -1], labelFile: undefined }],
      outputs: [{ name: "y", datatype: "BYTES", dims: [], labelFile: "labels.txt" }],
      ignored: [
        "optimization",
        "dynamic_batching.preferred_batch_size",
        "instance_group.gpus",
        "parameters.execution_mode",
        "instance_group",
      ],
    });
  });

  it("may be empty, or say what is so anyhow", () => {
    const { ignored, versionPolicy, maxBatchSize } = read("");
    assert.deepEqual(
      { ignored, versionPolicy, maxBatchSize },
      { ignored: [], versionPolicy: undefined, maxBatchSize: undefined },
    );
    const idle =
      'name: "m" backend: "onnxruntime" max_batch_size: 0 instance_group { kind: KIND_CPU count: 1 }';
    assert.deepEqual(read(idle).ignored, []);
    assert.equal(read(idle).maxBatchSize, 0);
    const defaults = `
      response_cache { enable: false } model_transaction_policy { decoupled: false }
      input { name: "x" is_shape_tensor: false allow_ragged_batch: false format: FORMAT_NONE }
      dynamic_batching { default_priority_level: 0
        default_queue_policy { timeout_action: REJECT allow_timeout_override: false } }`;
    assert.deepEqual(read(defaults).ignored, []);
  });

  it("names what asks for something else, however it is written", () => {
    const config = read(`
      response_cache { enable: true } model_transaction_policy { decoupled: true }
      sequence_batching { } input { name: "x" allow_ragged_batch: true }
      instance_group { count: 1 kind: KIND_CPU passive: true host_policy: "" }
      dynamic_batching { priority_levels: 2 default_queue_policy { timeout_action: DELAY } }
      model_warmup { name: "w" batch_size: 1 } cc_model_filenames { key: "7.5" value: "m.onnx" }`);
    assert.deepEqual(config.ignored, [
      "response_cache",
      "model_transaction_policy",
      "sequence_batching",
      "model_warmup",
      "cc_model_filenames",
      "dynamic_batching.priority_levels",
      "dynamic_batching.default_queue_policy.timeout_action",
      "input.allow_ragged_batch",
      "instance_group.passive",
    ]);
  });

  const policies = [
    ["version_policy { all { } }", ["1", "2", "10"]],
    ["version_policy { latest { } }", ["10"]],
    ["version_policy: { latest: { num_versions: 2 } }", ["2", "10"]],
    ["version_policy { latest { num_versions: 9 } }", ["1", "2", "10"]],
    ["version_policy { specific { versions: [ 1, 3, 10 ] } }", ["1", "10"]],
    ["version_policy { specific { versions: 2 } }", ["2"]],
  ] as const;
  for (const [text, served] of policies) {
    it(`says by ${text} which versions are served`, () => {
      const { versionPolicy } = read(text);
      assert.ok(versionPolicy !== undefined);
      assert.deepEqual(versionsByPolicy(versionPolicy, ["1", "2", "10"]), served);
    });
  }

  const refused: readonly [text: string, message: RegExp][] = [
    [
      'platform: "ensemble"',
      /^m\/config\.pbtxt: platform is "ensemble", expected onnxruntime_onnx/,
    ],
    ['backend: "python"', /backend is "python"/],
    ["max_batch_size: -1", /max_batch_size must be an integer of at least 0/],
    ['max_batch_size: "8"', /max_batch_size must be an integer/],
    ["dynamic_batching: 1", /dynamic_batching must be a message in braces/],
    [
      "dynamic_batching { max_queue_delay_microseconds: 0.5 }",
      /dynamic_batching\.max_queue_delay_micro/,
    ],
    ["input { dims: [1] }", /input\.name is missing/],
    [
      'input { name: "x" data_type: FP32 }',
      /input\.data_type of 'x' is FP32, which is not a datatype/,
    ],
    [
      'input { name: "x" data_type: "TYPE_FP32" }',
      /input\.data_type must be a word without quotes/,
    ],
    ['input { name: "x" dims: [ -2 ] }', /input\.dims must be an integer of at least -1/],
    [
      'parameters { key: "intra_op_thread_count" value { string_value: "many" } }',
      /number of threads/,
    ],
    ["max_batch_size 8", /line 1, column 16: found "8"/],
  ];
  for (const [text, message] of refused) {
    it(`is refused for ${text}`, () => {
      assert.throws(() => read(text), { kind: "invalid-argument", message });
    });
  }
});

describe("the tensors in Triton's model configuration", () => {
  const x: TensorSpec = { name: "x", datatype: "FP32", shape: [-1, 4] };
  const y: TensorSpec = { name: "y", datatype: "INT64", shape: [-1] };
  const mismatch = (text: string) => tritonMismatch(read(text), { inputs: [x], outputs: [y] });

  for (const text of [
    "",
    'max_batch_size: 4 input { name: "x" data_type: TYPE_FP32 dims: 4 }',
    'max_batch_size: 4 input { name: "x" dims: -1 } output { name: "y" dims: 1 reshape { shape: [] } }',
    'input { name: "x" data_type: TYPE_FP32 dims: [ -1, 4 ] } output { name: "y" dims: 5 }',
  ]) {
    it(`may be ${text}`, () => assert.equal(mismatch(text), undefined));
  }

  for (const [text, why] of [
    ['input { name: "z" }', "it has input 'z', which the model does not have: its inputs are 'x'"],
    [
      'output { name: "x" }',
      "it has output 'x', which the model does not have: its outputs are 'y'",
    ],
    ['input { name: "x" data_type: TYPE_FP16 }', "input 'x' is FP16 there, and FP32 in the model"],
    ['input { name: "x" dims: 4 }', "input 'x' has the shape [4] there, and [-1,4] in the model"],
    [
      'max_batch_size: 4 input { name: "x" dims: [ 5 ] }',
      "input 'x' has the shape [-1,5] with the batch dimension there, and [-1,4] in the model",
    ],
  ] as const) {
    it(`are told from others: ${text}`, () => assert.equal(mismatch(text), why));
  }
});

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  defaultRunSettings,
  inferenceSettings,
  type RunSettings,
} from "../../../../src/config/run-settings.ts";
import {
  modelSettingFields,
  parseSettingsFile,
  readSettings,
  withOwnSettings,
} from "../../../../src/service/lifecycle/model-settings.ts";

const full = {
  max_batch_size: 8,
  max_concurrency: 4,
  warmup_batch_size: 2,
  intra_op_thread_count: 3,
  run_timeout_ms: 1_000,
  output_names: "kserve",
  boosting_rounds: "all",
  task: "rerank",
  max_tokens: 128,
  weights: "mapped",
  onnx_file: "onnx/model_O3.onnx",
  dynamic_batching: {
    max_queue_delay_microseconds: 500,
    default_queue_policy: {
      max_queue_size: 16,
      max_queue_wait_ms: 200,
      default_timeout_microseconds: 100_000,
    },
  },
};

const settingsIn = (text: string) => parseSettingsFile(text, "f").settings;

describe("the settings of a model", () => {
  it("have the names that Triton's model configuration has for them", () => {
    assert.deepEqual(settingsIn(JSON.stringify(full)), {
      maxBatchSize: 8,
      maxConcurrency: 4,
      warmupBatchSize: 2,
      threads: 3,
      maxRunMs: 1_000,
      outputNames: "kserve",
      rounds: "all",
      textTask: "rerank",
      textMaxTokens: 128,
      textWeights: "mapped",
      onnxFile: "onnx/model_O3.onnx",
      maxQueueWaitMs: 200,
      maxQueueDelayMicroseconds: 500,
      maxQueueSize: 16,
      queueTimeoutMicroseconds: 100_000,
    });
  });

  it("can be every one that holds for all models", () => {
    const known = new Set(modelSettingFields.map(({ setting }) => setting));
    const { promisesRows: _follows, ...settable } = defaultRunSettings;
    assert.deepEqual([...known].sort(), Object.keys(settable).sort());
    const rows = modelSettingFields.map(({ row }) => row);
    assert.deepEqual(rows.sort(), Object.keys(inferenceSettings).sort());
  });

  it("promise that rows may be joined where they say a number of rows, which no default does", () => {
    const promise = (own: Partial<RunSettings>, maxBatchSize = 64) =>
      withOwnSettings({ ...defaultRunSettings, maxBatchSize }, own).promisesRows;
    assert.equal(promise({}), false);
    assert.equal(promise({ maxConcurrency: 2 }), false);
    assert.equal(promise({ maxBatchSize: 0 }), false);
    assert.equal(promise({ maxBatchSize: 8 }), true);
    assert.equal(promise({ maxBatchSize: 64 }), true);
    assert.equal(withOwnSettings(defaultRunSettings, {}).maxBatchSize, 64);
  });

  it("are only those that are given", () => {
    assert.deepEqual(settingsIn("{}"), {});
    assert.deepEqual(settingsIn('{"dynamic_batching": {}}'), {});
    assert.deepEqual(settingsIn('{"max_batch_size": 0}'), { maxBatchSize: 0 });
  });

  it("are told apart from what is of all versions together", () => {
    const text =
      '{"version_aliases": {"stable": 3}, "max_batch_size": 2, "version_policy": {"all": {}}}';
    assert.deepEqual(parseSettingsFile(text, "f"), {
      settings: { maxBatchSize: 2 },
      versionFields: ["version_policy", "version_aliases"],
    });
  });

  for (const [text, message] of [
    ["{", /^f is not JSON: /],
    ["[]", "f must be a JSON object"],
    [
      '{"max_batch_sise": 8}',
      "f: unknown setting max_batch_sise: expected one of max_batch_size, max_concurrency, warmup_batch_size, intra_op_thread_count, run_timeout_ms, dynamic_batching, output_names, boosting_rounds, task, max_tokens, weights, onnx_file, version_policy, version_aliases",
    ],
    [
      '{"dynamic_batching": {"max_queue_size": 8}}',
      "f: unknown setting dynamic_batching.max_queue_size: expected one of max_queue_delay_microseconds, default_queue_policy",
    ],
    ['{"max_batch_size": "8"}', /^f: max_batch_size is "8", expected an integer from 0 to 65536$/],
    ['{"max_batch_size": -1}', /max_batch_size is -1, expected/],
    ['{"max_batch_size": 1.5}', /max_batch_size is 1.5, expected/],
    ['{"max_concurrency": null}', /max_concurrency is null, expected/],
    ['{"dynamic_batching": 7}', "f: dynamic_batching must be an object"],
    [
      '{"dynamic_batching": {"default_queue_policy": {"default_timeout_microseconds": 1e12}}}',
      /dynamic_batching.default_queue_policy.default_timeout_microseconds is 1000000000000, expected/,
    ],
    ['{"task": "translation"}', /^f: task is "translation", expected one of auto, embedding, /],
    ['{"onnx_file": 3}', "f: onnx_file is 3, expected a text that is not empty"],
    ['{"onnx_file": ""}', /^f: onnx_file is ""/],
    ['{"version_policy": "latest"}', /^f: version_policy is "latest", expected \{"all": \{\}\}/],
    ['{"__proto__": {}}', /unknown setting __proto__/],
  ] as const) {
    it(`are refused by the name of the field: ${text}`, () => {
      assert.throws(() => parseSettingsFile(text, "f"), { kind: "invalid-argument", message });
    });
  }

  it("in a key stand among other things, but must be sound themselves", () => {
    const key = { model_type: { name: "onnx" }, other: 7, max_batch_size: 2 };
    assert.deepEqual(readSettings(key, "k"), { maxBatchSize: 2 });
    assert.throws(() => readSettings({ max_batch_size: true }, "k"), { kind: "invalid-argument" });
    assert.throws(() => readSettings({ dynamic_batching: [] }, "k"), { kind: "invalid-argument" });
  });
});

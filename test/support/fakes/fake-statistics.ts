import type { ModelStatistics } from "../../../src/service/contract/statistics.ts";

const none = { count: 0, ns: 0n };

/** What every model of `FakeModels` has done. */
export const fakeStatistics: Omit<ModelStatistics, "name" | "version" | "memoryBytes"> = {
  lastInferenceMs: 1_700_000_000_000,
  inferenceCount: 6,
  executionCount: 2,
  success: { count: 3, ns: 9_007_199_254_740_993n },
  fail: { count: 1, ns: 5_000n },
  queue: { count: 3, ns: 100n },
  computeInput: { count: 3, ns: 200n },
  computeInfer: { count: 3, ns: 300n },
  computeOutput: { count: 3, ns: 400n },
  cacheHit: none,
  cacheMiss: none,
  batches: [
    {
      rows: 3,
      computeInput: { count: 2, ns: 150n },
      computeInfer: { count: 2, ns: 250n },
      computeOutput: { count: 2, ns: 350n },
    },
  ],
};

/** The same in protobuf's JSON. */
export const fakeStatisticsMessage = {
  lastInference: "1700000000000",
  inferenceCount: "6",
  executionCount: "2",
  inferenceStats: {
    success: { count: "3", ns: "9007199254740993" },
    fail: { count: "1", ns: "5000" },
    queue: { count: "3", ns: "100" },
    computeInput: { count: "3", ns: "200" },
    computeInfer: { count: "3", ns: "300" },
    computeOutput: { count: "3", ns: "400" },
    cacheHit: {},
    cacheMiss: {},
  },
  batchStats: [
    {
      batchSize: "3",
      computeInput: { count: "2", ns: "150" },
      computeInfer: { count: "2", ns: "250" },
      computeOutput: { count: "2", ns: "350" },
    },
  ],
  memoryUsage: [{ type: "CPU", byteSize: "123456789" }],
};

/** And in that of Triton's REST, but for "success", whose sum no JavaScript number holds. */
export const fakeInferenceJson = {
  fail: { count: 1, ns: 5000 },
  queue: { count: 3, ns: 100 },
  compute_input: { count: 3, ns: 200 },
  compute_infer: { count: 3, ns: 300 },
  compute_output: { count: 3, ns: 400 },
  cache_hit: { count: 0, ns: 0 },
  cache_miss: { count: 0, ns: 0 },
};
export const fakeBatchesJson = [
  {
    batch_size: 3,
    compute_input: { count: 2, ns: 150 },
    compute_infer: { count: 2, ns: 250 },
    compute_output: { count: 2, ns: 350 },
  },
];

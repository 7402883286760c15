import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ModelStatisticsSchema } from "../../../gen/inference/inference_pb.ts";
import type { DurationSum, ModelStatistics } from "../../service/contract/statistics.ts";

/** Triton's models have numbers for versions, and perf_analyzer ends at a version that is not one. Clients may name this
 *  version of a model without versions in requests, too. */
const onlyVersion = "1";

/** Triton's statistics extension over gRPC. */
export function statisticsMessage(
  statistics: ModelStatistics,
): MessageInitShape<typeof ModelStatisticsSchema> {
  return {
    name: statistics.name,
    version: statistics.version || onlyVersion,
    lastInference: BigInt(Math.trunc(statistics.lastInferenceMs)),
    inferenceCount: BigInt(statistics.inferenceCount),
    executionCount: BigInt(statistics.executionCount),
    inferenceStats: {
      success: message(statistics.success),
      fail: message(statistics.fail),
      queue: message(statistics.queue),
      computeInput: message(statistics.computeInput),
      computeInfer: message(statistics.computeInfer),
      computeOutput: message(statistics.computeOutput),
      cacheHit: message(statistics.cacheHit),
      cacheMiss: message(statistics.cacheMiss),
    },
    batchStats: statistics.batches.map((batch) => ({
      batchSize: BigInt(batch.rows),
      computeInput: message(batch.computeInput),
      computeInfer: message(batch.computeInfer),
      computeOutput: message(batch.computeOutput),
    })),
    memoryUsage: [{ type: "CPU", id: 0n, byteSize: BigInt(Math.round(statistics.memoryBytes)) }],
  };
}

/** The same over REST. `integer` writes one with all of its digits. */
export function statisticsJson(
  all: readonly ModelStatistics[],
  integer: (value: bigint) => unknown,
) {
  const duration = ({ count, ns }: DurationSum) => ({ count, ns: integer(ns) });
  return {
    model_stats: all.map((statistics) => ({
      name: statistics.name,
      version: statistics.version || onlyVersion,
      last_inference: statistics.lastInferenceMs,
      inference_count: statistics.inferenceCount,
      execution_count: statistics.executionCount,
      inference_stats: {
        success: duration(statistics.success),
        fail: duration(statistics.fail),
        queue: duration(statistics.queue),
        compute_input: duration(statistics.computeInput),
        compute_infer: duration(statistics.computeInfer),
        compute_output: duration(statistics.computeOutput),
        cache_hit: duration(statistics.cacheHit),
        cache_miss: duration(statistics.cacheMiss),
      },
      batch_stats: statistics.batches.map((batch) => ({
        batch_size: batch.rows,
        compute_input: duration(batch.computeInput),
        compute_infer: duration(batch.computeInfer),
        compute_output: duration(batch.computeOutput),
      })),
      memory_usage: [{ type: "CPU", id: 0, byte_size: Math.round(statistics.memoryBytes) }],
    })),
  };
}

function message({ count, ns }: DurationSum) {
  return { count: BigInt(count), ns };
}

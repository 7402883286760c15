import type { TensorSpec } from "../../base/tensor.ts";
import type {
  ModelDescription,
  ModelIndexEntry,
  ModelStatistics,
} from "../../service/contract/models.ts";
import { tensorParameters } from "../codec/tensor-parameters.ts";
import { jsonInteger } from "./json.ts";

// How REST shows models. Versions are omitted where there are none.

export function toMetadataJson(name: string, model: ModelDescription) {
  return {
    name,
    ...(model.versions.length === 0 ? {} : { versions: model.versions }),
    platform: model.platform,
    inputs: model.inputs.map(toTensorJson),
    outputs: model.outputs.map(toTensorJson),
  };
}

export function toIndexJson(entries: readonly ModelIndexEntry[]) {
  return entries.map(({ name, version, state, reason }) => ({
    name,
    ...(version === "" ? {} : { version }),
    state,
    reason,
  }));
}

/** The shape of Triton's statistics extension, as far as this runtime counts. */
export function toStatisticsJson(statistics: readonly ModelStatistics[]) {
  return {
    model_stats: statistics.map(({ name, version, lastInferenceMs, success, fail }) => ({
      name,
      version,
      last_inference: lastInferenceMs,
      inference_count: success.count,
      execution_count: success.count,
      inference_stats: { success: toDurationJson(success), fail: toDurationJson(fail) },
    })),
  };
}

function toDurationJson({ count, ns }: ModelStatistics["success"]) {
  return { count, ns: jsonInteger(ns) };
}

function toTensorJson(spec: TensorSpec) {
  const { name, datatype, shape } = spec;
  const parameters = tensorParameters(spec);
  return { name, datatype, shape, ...(parameters !== undefined && { parameters }) };
}

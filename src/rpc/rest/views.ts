import type { TensorSpec } from "../../base/tensor.ts";
import type { ModelDescription, ModelIndexEntry } from "../../service/contract/models.ts";
import { tensorParameters } from "../codec/tensor-parameters.ts";

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

function toTensorJson(spec: TensorSpec) {
  const { name, datatype, shape } = spec;
  const parameters = tensorParameters(spec);
  return { name, datatype, shape, ...(parameters !== undefined && { parameters }) };
}

import { RuntimeError } from "../base/errors.ts";
import { checkTensorBytes, type Tensor, type TensorSpec } from "../base/tensor.ts";
import type { EngineRequest, ModelMetadata } from "../engine/contract/engine.ts";
import type { InferenceRequest } from "./contract/models.ts";

/** Checks a request against the model's metadata. Throws "invalid-argument" with the tensor, what was expected
 *  and what arrived. ModelMesh users search for the phrases "unexpected shape for input" and "data-type is …,
 *  model expects …". */
export function checkInference(
  modelId: string,
  metadata: ModelMetadata,
  request: InferenceRequest,
): EngineRequest {
  const { inputs, times } = request;
  for (let at = 0; at < inputs.length; at++) {
    const tensor = inputs[at] as Tensor;
    if (indexOf(inputs, tensor.name) < at) throw invalid(`input '${tensor.name}' is given twice`);
    const spec = metadata.inputs[indexOf(metadata.inputs, tensor.name)];
    if (spec === undefined) {
      throw invalid(
        `input '${tensor.name}' is unknown to model '${modelId}', which takes ${names(metadata.inputs)}`,
      );
    }
    checkTensor(modelId, spec, tensor);
  }
  // All inputs are known, and none is repeated: if the count matches, none is missing.
  if (inputs.length < metadata.inputs.length) {
    const missing = metadata.inputs.filter(({ name, isOptional }) => {
      return !isOptional && indexOf(inputs, name) < 0;
    });
    if (missing.length > 0) {
      throw invalid(`input ${names(missing)} is missing in the request for model '${modelId}'`);
    }
  }
  return { inputs, outputs: checkOutputs(modelId, metadata, request.outputs), times };
}

/** The index of the first one with that name, or -1. There are few, and a loop is cheaper than a closure for
 *  each. */
function indexOf(specs: readonly { readonly name: string }[], name: string): number {
  for (let at = 0; at < specs.length; at++) if (specs[at]?.name === name) return at;
  return -1;
}

function checkTensor(modelId: string, spec: TensorSpec, tensor: Tensor): void {
  if (tensor.datatype !== spec.datatype) {
    throw invalid(
      `input '${spec.name}' data-type is '${tensor.datatype}', model expects '${spec.datatype}' for '${modelId}'`,
    );
  }
  const fits =
    spec.hasAnyRank ||
    (tensor.shape.length === spec.shape.length &&
      spec.shape.every((expected, axis) => expected === -1 || expected === tensor.shape[axis]));
  if (!fits) {
    throw invalid(
      `unexpected shape for input '${spec.name}' for model '${modelId}'. Expected [${spec.shape}], got [${tensor.shape}]`,
    );
  }
  checkTensorBytes(tensor, `input '${spec.name}' for model '${modelId}'`);
}

function checkOutputs(
  modelId: string,
  metadata: ModelMetadata,
  wanted: readonly string[],
): readonly string[] {
  if (wanted.length === 0) return metadata.outputs.map((output) => output.name);
  const seen = new Set<string>();
  for (const name of wanted) {
    if (seen.has(name)) throw invalid(`output '${name}' is requested twice`);
    seen.add(name);
    if (!metadata.outputs.some((output) => output.name === name)) {
      throw invalid(
        `output '${name}' is unknown to model '${modelId}', which gives ${names(metadata.outputs)}`,
      );
    }
  }
  return wanted;
}

function names(specs: readonly TensorSpec[]): string {
  return specs.map((spec) => `'${spec.name}'`).join(", ");
}

function invalid(message: string): RuntimeError {
  return new RuntimeError("invalid-argument", message);
}

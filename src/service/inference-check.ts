import type { EngineRequest, ModelMetadata } from "../engine/engine.ts";
import { RuntimeError } from "../errors.ts";
import { checkTensorBytes, type Tensor, type TensorSpec } from "../tensor.ts";
import type { InferenceRequest } from "./models.ts";

/** Holds a request against what the model says of itself. Throws "invalid-argument" with the tensor,
 *  what was expected and what came. The phrases "unexpected shape for input" and "data-type is …, model
 *  expects …" are those that ModelMesh's users search for. */
export function checkInference(
  modelId: string,
  metadata: ModelMetadata,
  request: InferenceRequest,
): EngineRequest {
  const given = new Set<string>();
  for (const tensor of request.inputs) {
    if (given.has(tensor.name)) throw invalid(`input '${tensor.name}' is given twice`);
    given.add(tensor.name);
    const spec = metadata.inputs.find((input) => input.name === tensor.name);
    if (spec === undefined) {
      throw invalid(
        `input '${tensor.name}' is unknown to model '${modelId}', which takes ${names(metadata.inputs)}`,
      );
    }
    checkTensor(modelId, spec, tensor);
  }
  const missing = metadata.inputs.filter((input) => !given.has(input.name));
  if (missing.length > 0) {
    throw invalid(`input ${names(missing)} is missing in the request for model '${modelId}'`);
  }
  const { inputs, times } = request;
  return { inputs, outputs: checkOutputs(modelId, metadata, request.outputs), times };
}

function checkTensor(modelId: string, spec: TensorSpec, tensor: Tensor): void {
  if (tensor.datatype !== spec.datatype) {
    throw invalid(
      `input '${spec.name}' data-type is '${tensor.datatype}', model expects '${spec.datatype}' for '${modelId}'`,
    );
  }
  const fits =
    tensor.shape.length === spec.shape.length &&
    spec.shape.every((expected, axis) => expected === -1 || expected === tensor.shape[axis]);
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

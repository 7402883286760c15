import type { ServiceImpl } from "@connectrpc/connect";
import type { GRPCInferenceService } from "../../gen/inference/inference_pb.ts";
import { RuntimeError } from "../errors.ts";
import type { Models } from "../service/models.ts";
import type { TensorSpec } from "../tensor.ts";
import { modelIdOf } from "./model-id.ts";
import { decodeInference, encodeInference } from "./tensor-codec.ts";

/** inference.GRPCInferenceService, the Open Inference Protocol version 2. `version` is ours. */
export function inferenceService(
  models: Models,
  version: string,
): ServiceImpl<typeof GRPCInferenceService> {
  return {
    serverLive() {
      return { live: true };
    },

    serverReady() {
      return { ready: models.ready };
    },

    modelReady(request, context) {
      const id = modelIdOf(context.requestHeader, request.name);
      refuseVersion(request.version);
      return { ready: models.isModelReady(id) };
    },

    serverMetadata() {
      return { name: "modelport", version, extensions: [] };
    },

    modelMetadata(request, context) {
      const id = modelIdOf(context.requestHeader, request.name);
      refuseVersion(request.version);
      const metadata = models.metadata(id);
      return {
        name: request.name || id,
        versions: [],
        platform: metadata.platform,
        inputs: metadata.inputs.map(toTensorMetadata),
        outputs: metadata.outputs.map(toTensorMetadata),
      };
    },

    async modelInfer(request, context) {
      const id = modelIdOf(context.requestHeader, request.modelName);
      refuseVersion(request.modelVersion);
      const { inference, form } = decodeInference(request, id);
      const outputs = await models.infer(id, inference, context.signal);
      return {
        modelName: request.modelName || id,
        id: request.id,
        ...encodeInference(outputs, form),
      };
    },
  };
}

// Not NOT_FOUND: that would make ModelMesh load the model again.
function refuseVersion(version: string): void {
  if (version === "") return;
  throw new RuntimeError(
    "invalid-argument",
    `version "${version}" was asked for, but models have no versions here: leave the version empty`,
  );
}

function toTensorMetadata(spec: TensorSpec) {
  return { name: spec.name, datatype: spec.datatype, shape: spec.shape.map(BigInt) };
}

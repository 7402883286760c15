import type { ServiceImpl } from "@connectrpc/connect";
import {
  type LoadModelRequest,
  type ModelRuntime,
  type PredictModelSizeRequest,
  RuntimeStatusResponse_Status,
} from "../../../gen/mmesh/model-runtime_pb.ts";
import type { ModelSpec, Models } from "../../service/contract/models.ts";
import { cancellationOf } from "../grpc/unary-context.ts";

// The calls that ModelMesh forwards; it writes the concrete model id into field 1 (model_name or name) of each.
const idInFirstField = { idInjectionPath: [1] };
const methodInfos = {
  "inference.GRPCInferenceService/ModelInfer": idInFirstField,
  "inference.GRPCInferenceService/ModelMetadata": idInFirstField,
  "inference.GRPCInferenceService/ModelReady": idInFirstField,
};

/** mmesh.ModelRuntime, the calls by which ModelMesh manages models. `forwarded`: calls that it forwards as well, whose
 *  messages do not name the model. */
export function modelRuntimeService(
  models: Models,
  forwarded: readonly string[] = [],
): ServiceImpl<typeof ModelRuntime> {
  const others = Object.fromEntries(forwarded.map((method) => [method, {}]));
  return {
    async loadModel(request, context) {
      const model = await models.load(toModelSpec(request), cancellationOf(context));
      return { sizeInBytes: BigInt(model.sizeBytes), maxConcurrency: model.maxConcurrency };
    },

    async unloadModel(request) {
      await models.unload(request.modelId);
      return {};
    },

    async predictModelSize(request) {
      const sizeBytes = await models.predictSize(toModelSpec(request));
      return { sizeInBytes: BigInt(sizeBytes) };
    },

    modelSize(request) {
      return { sizeInBytes: BigInt(models.size(request.modelId)) };
    },

    async runtimeStatus(_request, context) {
      const client = context.protocolName === "grpc" ? "modelmesh" : "other";
      const status = await models.status(client);
      if (!status.ready) return { status: RuntimeStatusResponse_Status.STARTING };
      return {
        status: RuntimeStatusResponse_Status.READY,
        capacityInBytes: BigInt(status.capacityBytes),
        maxLoadingConcurrency: status.maxLoadingConcurrency,
        modelLoadingTimeoutMs: status.loadTimeoutMs,
        defaultModelSizeInBytes: BigInt(status.defaultModelBytes),
        runtimeVersion: status.runtimeVersion,
        limitModelConcurrency: status.limitModelConcurrency,
        methodInfos: { ...methodInfos, ...others },
      };
    },
  };
}

function toModelSpec(request: LoadModelRequest | PredictModelSizeRequest): ModelSpec {
  return {
    id: request.modelId,
    type: request.modelType,
    path: request.modelPath,
    key: request.modelKey,
  };
}

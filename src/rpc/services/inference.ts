import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import type { Logger } from "pino";
import type {
  GRPCInferenceService,
  ModelInferRequest,
} from "../../../gen/inference/inference_pb.ts";
import { RuntimeError } from "../../base/errors.ts";
import type { TensorSpec } from "../../base/tensor.ts";
import type { Models } from "../../service/contract/models.ts";
import type { InferAnswer } from "../codec/infer-message.ts";
import { encodeInference } from "../codec/tensor-codec.ts";
import { tensorParameters } from "../codec/tensor-parameters.ts";
import { exchangeKey } from "../large/infer-exchange.ts";
import { observedKey } from "../observe/observed-requests.ts";
import { modelConfigMessage } from "../triton/triton-model-config.ts";
import { statisticsMessage } from "../triton/triton-statistics.ts";
import { inferenceStream } from "./inference-stream.ts";
import { refuseLoadParameters } from "./load-parameters.ts";
import { modelIdOf } from "./model-id.ts";
import { modelInfer } from "./model-infer.ts";

/** The supported extensions of the Open Inference Protocol, by their names. */
export const inferenceExtensions = [
  "binary_tensor_data",
  "classification",
  "model_configuration",
  "model_repository",
  "statistics",
] as const;

/** inference.GRPCInferenceService, the Open Inference Protocol version 2. `version` is ours. */
export function inferenceService(parts: {
  readonly models: Models;
  readonly version: string;
  readonly log: Logger;
}): ServiceImpl<typeof GRPCInferenceService> {
  const { models, version, log } = parts;

  const infer = modelInfer(models);
  const answer = async (request: ModelInferRequest, context: HandlerContext) => {
    const { requestHeader: header, signal: cancellation, values } = context;
    const observed = values.get(observedKey)?.call;
    const exchange = values.get(exchangeKey);
    const asked = exchange?.asked ?? request;
    const answered = await infer(asked, { header, cancellation, observed });
    // People read the JSON of Connect clients, and raw contents would be base64 there.
    const isReadByEye = context.protocolName === "connect" && asked.inputs.length === 0;
    const told: InferAnswer = isReadByEye ? { ...answered, form: "typed" } : answered;
    if (exchange !== undefined && (await exchange.takes(told)))
      return { modelName: told.modelName };
    return toResponse(told);
  };

  return {
    modelInfer: answer,
    modelStreamInfer: inferenceStream(answer, log),

    serverLive() {
      return { live: true };
    },

    serverReady() {
      return { ready: models.ready };
    },

    modelReady(request, context) {
      const id = modelIdOf(context.requestHeader, request.name);
      return { ready: models.isModelReady(id, request.version) };
    },

    serverMetadata() {
      return { name: "modelport", version, extensions: [...inferenceExtensions] };
    },

    modelMetadata(request, context) {
      const id = modelIdOf(context.requestHeader, request.name);
      const { versions, platform, inputs, outputs } = models.describe(id, request.version);
      return {
        name: request.name || id,
        versions: [...versions],
        platform,
        inputs: inputs.map(toTensorMetadata),
        outputs: outputs.map(toTensorMetadata),
      };
    },

    async repositoryIndex(request) {
      const entries = await models.index();
      return { models: request.ready ? entries.filter(({ state }) => state === "READY") : entries };
    },

    async repositoryModelLoad(request, context) {
      const modelName = modelNameOf(request);
      refuseLoadParameters(Object.keys(request.parameters), modelName);
      await models.loadFromRepository(modelName, context.signal);
      return { modelName, isLoaded: true };
    },

    async repositoryModelUnload(request) {
      const modelName = modelNameOf(request);
      await models.unloadFromRepository(modelName);
      return { modelName, isUnloaded: true };
    },

    modelStatistics(request) {
      const found = models.statistics(request.name || undefined, request.version || undefined);
      return { modelStats: found.map(statisticsMessage) };
    },

    modelConfig(request, context) {
      const id = modelIdOf(context.requestHeader, request.name);
      const config = models.config(id, request.version);
      return { config: modelConfigMessage(request.name || id, config) };
    },
  };
}

function toResponse({ outputs, form, ...head }: InferAnswer) {
  return { ...head, ...encodeInference(outputs, form) };
}

// KServe clients send the model's name in the field where Triton clients send the repository's.
function modelNameOf(request: {
  readonly modelName: string;
  readonly repositoryName: string;
}): string {
  const name = request.modelName || request.repositoryName;
  if (name === "")
    throw new RuntimeError("invalid-argument", "the request names no model: set model_name");
  return name;
}

function toTensorMetadata(spec: TensorSpec) {
  const parameters = Object.entries(tensorParameters(spec) ?? {}).map(([name, value]) => {
    const parameterChoice =
      typeof value === "boolean"
        ? ({ case: "boolParam", value } as const)
        : ({ case: "stringParam", value } as const);
    return [name, { parameterChoice }] as const;
  });
  return {
    name: spec.name,
    datatype: spec.datatype,
    shape: spec.shape.map(BigInt),
    parameters: Object.fromEntries(parameters),
  };
}

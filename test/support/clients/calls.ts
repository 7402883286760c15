import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  GRPCInferenceService as Inference,
  type ModelInferRequestSchema,
} from "../../../gen/inference/inference_pb.ts";
import { ModelRuntime } from "../../../gen/mmesh/model-runtime_pb.ts";
import type { CallOptions, Client, Outcome } from "./clients.ts";

/** The calls of an acceptance test in short form, over any client. */
export interface Calls {
  load(id: string, path: string, more?: LoadOptions): Promise<Outcome>;
  unload(id: string): Promise<Outcome>;
  size(id: string): Promise<Outcome>;
  predict(path: string, key?: string): Promise<Outcome>;
  status(): Promise<Outcome>;
  /** Sends x = [[1,2,3,4]] to one of the models that take it. */
  infer(id: string, options?: CallOptions): Promise<Outcome>;
  /** Runs test model slowLoop for about 3 ms a round. */
  inferSlowly(id: string, rounds: number, options?: CallOptions): Promise<Outcome>;
}

export interface LoadOptions extends CallOptions {
  readonly type?: string;
  readonly key?: string;
}

const x = {
  name: "x",
  datatype: "FP32",
  shape: [1n, 4n],
  contents: { fp32Contents: [1, 2, 3, 4] },
};

export function callsOf(client: Client): Calls {
  const infer = (
    request: MessageInitShape<typeof ModelInferRequestSchema>,
    options: CallOptions | undefined,
  ) => client.call(Inference.method.modelInfer, request, options);
  return {
    load: (modelId, modelPath, { type = "mt:onnx", key = "", ...options } = {}) =>
      client.call(
        ModelRuntime.method.loadModel,
        { modelId, modelPath, modelType: type, modelKey: key },
        options,
      ),
    unload: (modelId) => client.call(ModelRuntime.method.unloadModel, { modelId }),
    size: (modelId) => client.call(ModelRuntime.method.modelSize, { modelId }),
    predict: (modelPath, modelKey = "") =>
      client.call(ModelRuntime.method.predictModelSize, {
        modelId: "predicted",
        modelPath,
        modelType: "mt:onnx",
        modelKey,
      }),
    status: () => client.call(ModelRuntime.method.runtimeStatus, {}),
    infer: (modelName, options) => infer({ modelName, inputs: [x] }, options),
    inferSlowly: (modelName, rounds, options) =>
      infer(
        {
          modelName,
          inputs: [
            x,
            {
              name: "n",
              datatype: "INT64",
              shape: [1n],
              contents: { int64Contents: [BigInt(rounds)] },
            },
          ],
        },
        options,
      ),
  };
}

/** The bytes of a load's or size's OK answer. Throws on anything else. */
export function sizeIn(outcome: Outcome): number {
  if (!outcome.ok) throw new Error(`expected a size, got ${outcome.code}: ${outcome.message}`);
  const { sizeInBytes } = outcome.message as { sizeInBytes?: string };
  return Number(sizeInBytes ?? 0);
}

/** The numbers of the first output of an OK inference. Throws on anything else. */
export function valuesIn(outcome: Outcome): number[] {
  if (!outcome.ok) throw new Error(`expected an answer, got ${outcome.code}: ${outcome.message}`);
  const { outputs } = outcome.message as unknown as {
    outputs: { contents: { fp32Contents: number[] } }[];
  };
  return outputs[0]?.contents.fp32Contents ?? [];
}

/** "OK", or the code of the error. */
export function codeIn(outcome: Outcome): string {
  return outcome.ok ? "OK" : outcome.code;
}

import { extname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { DescMethodUnary, MessageInitShape } from "@bufbuild/protobuf";
import {
  type LoadModelRequestSchema,
  ModelRuntime,
  RuntimeStatusResponse_Status,
} from "../../gen/mmesh/model-runtime_pb.ts";
import { GrpcConnection, messageFrame, pathOf } from "./grpc-connection.ts";
import { sendBurst } from "./unary-burst.ts";

const typesByExtension: Readonly<Record<string, string>> = {
  ".json": "mt:xgboost",
  ".txt": "mt:lightgbm",
  // A folder.
  "": "mt:huggingface",
};

export interface ManyModels {
  readonly ids: readonly string[];
  /** Relative to the model root: of the file that every id loads, or of each. */
  readonly path: string | ((id: string) => string);
  /** Calls in flight. */
  readonly inFlight: number;
}

/** Loads and unloads models as ModelMesh does, over one connection. */
export class ModelClient {
  readonly #port: number;
  readonly #connection: GrpcConnection;

  private constructor(port: number, connection: GrpcConnection) {
    this.#port = port;
    this.#connection = connection;
  }

  static async open(port: number): Promise<ModelClient> {
    return new ModelClient(port, await GrpcConnection.open(port));
  }

  /** Resolves when the runtime says that it takes models. */
  async ready(): Promise<void> {
    for (;;) {
      const { status } = await this.#connection.call(ModelRuntime.method.runtimeStatus, {});
      if (status === RuntimeStatusResponse_Status.READY) return;
      await sleep(50);
    }
  }

  async load(modelId: string, modelPath: string, signal?: AbortSignal): Promise<void> {
    const { loadModel } = ModelRuntime.method;
    await this.#connection.call(loadModel, requestOf(modelId, modelPath), signal);
  }

  async isLoaded(modelId: string): Promise<boolean> {
    return await this.#connection.call(ModelRuntime.method.modelSize, { modelId }).then(
      () => true,
      () => false,
    );
  }

  async unload(modelId: string): Promise<void> {
    await this.#connection.call(ModelRuntime.method.unloadModel, { modelId });
  }

  /** Resolves with models loaded per second, over a connection of their own. */
  loadMany({ ids, path, inFlight }: ManyModels): Promise<number> {
    const pathOfModel = typeof path === "string" ? () => path : path;
    const requests = ids.map((id) => requestOf(id, pathOfModel(id)));
    return this.#perSecond(ModelRuntime.method.loadModel, requests, inFlight);
  }

  /** As `loadMany`. */
  unloadMany({ ids, inFlight }: Omit<ManyModels, "path">): Promise<number> {
    const requests = ids.map((modelId) => ({ modelId }));
    return this.#perSecond(ModelRuntime.method.unloadModel, requests, inFlight);
  }

  async #perSecond<Method extends DescMethodUnary>(
    method: Method,
    requests: readonly MessageInitShape<Method["input"]>[],
    inFlight: number,
  ): Promise<number> {
    const frames = requests.map((request) => messageFrame(method.input, request));
    const burst = { port: this.#port, path: pathOf(method), frames, inFlight };
    return requests.length / (await sendBurst(burst));
  }

  close(): void {
    this.#connection.close();
  }
}

function requestOf(
  modelId: string,
  modelPath: string,
): MessageInitShape<typeof LoadModelRequestSchema> {
  const modelType = typesByExtension[extname(modelPath)] ?? "mt:onnx";
  return { modelId, modelPath, modelType, modelKey: "" };
}

import { setTimeout as sleep } from "node:timers/promises";
import { ModelRuntime, RuntimeStatusResponse_Status } from "../../gen/mmesh/model-runtime_pb.ts";
import { GrpcConnection } from "./grpc-connection.ts";

export interface ManyModels {
  readonly ids: readonly string[];
  /** Relative to the model root; every id loads the same file. */
  readonly path: string;
  /** Calls in flight. */
  readonly inFlight: number;
}

/** Loads and unloads models as ModelMesh does, over one connection. */
export class ModelClient {
  readonly #connection: GrpcConnection;

  private constructor(connection: GrpcConnection) {
    this.#connection = connection;
  }

  static async open(port: number): Promise<ModelClient> {
    return new ModelClient(await GrpcConnection.open(port));
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
    const request = { modelId, modelPath, modelType: "mt:onnx", modelKey: "" };
    await this.#connection.call(ModelRuntime.method.loadModel, request, signal);
  }

  async unload(modelId: string): Promise<void> {
    await this.#connection.call(ModelRuntime.method.unloadModel, { modelId });
  }

  /** Resolves with models loaded per second. */
  loadMany({ ids, path, inFlight }: ManyModels): Promise<number> {
    return perSecond(ids, inFlight, (id) => this.load(id, path));
  }

  unloadMany({ ids, inFlight }: Omit<ManyModels, "path">): Promise<number> {
    return perSecond(ids, inFlight, (id) => this.unload(id));
  }

  close(): void {
    this.#connection.close();
  }
}

async function perSecond(
  ids: readonly string[],
  inFlight: number,
  work: (id: string) => Promise<void>,
): Promise<number> {
  const rest = ids.values();
  const startMs = performance.now();
  const workOff = async () => {
    for (const id of rest) await work(id);
  };
  await Promise.all(Array.from({ length: inFlight }, workOff));
  return (ids.length / (performance.now() - startMs)) * 1000;
}

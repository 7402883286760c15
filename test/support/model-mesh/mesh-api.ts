import { fileURLToPath } from "node:url";
import * as grpc from "@grpc/grpc-js";
import { loadSync, type PackageDefinition } from "@grpc/proto-loader";
import { modelNameOf } from "./infer-message.ts";
import { MeshError, type ModelMesh } from "./model-mesh.ts";

const definition = loadSync(
  fileURLToPath(new URL("../../../proto/mmesh/model-mesh.proto", import.meta.url)),
  { longs: String, enums: String, defaults: true, keepCase: true },
);
const management = definition["mmesh.ModelMesh"] as PackageDefinition[string] &
  grpc.ServiceDefinition;

interface RegisterRequest {
  readonly modelId: string;
  readonly modelInfo: { readonly type: string; readonly path: string; readonly key: string };
  readonly loadNow: boolean;
  readonly sync: boolean;
}

/** What a stand-in for ModelMesh shows to clients: registration, and inference with the model's id in the first
 *  field of the message, as MM_DATAPLANE_CONFIG of the compose file has it. */
export class MeshApi {
  /** Ids in the order in which they were registered. */
  readonly registered: string[] = [];
  readonly #server = new grpc.Server();
  readonly #mesh: ModelMesh;

  constructor(mesh: ModelMesh) {
    this.#mesh = mesh;
    this.#server.addService(management, {
      registerModel: answering(async ({ request }: { request: RegisterRequest }) => {
        const { modelId, modelInfo, loadNow, sync } = request;
        this.registered.push(modelId);
        this.#mesh.register(modelId, modelInfo);
        if (!loadNow || !sync) return { status: "NOT_LOADED" };
        return await this.#mesh.ensureLoaded(modelId).then(
          () => ({ status: "LOADED" }),
          ({ message }: Error) => ({ status: "LOADING_FAILED", errors: [message] }),
        );
      }),
      unregisterModel: answering(async ({ request }: { request: { modelId: string } }) => {
        this.#mesh.unregister(request.modelId);
        return {};
      }),
      getModelStatus: answering(async ({ request }: { request: { modelId: string } }) => {
        const entry = this.#mesh.cache.entries.find(({ id }) => id === request.modelId);
        return { status: entry?.state === "active" ? "LOADED" : "NOT_LOADED" };
      }),
    });
    const asIs = (bytes: Buffer) => bytes;
    for (const method of mesh.parameters.methods?.keys() ?? []) {
      const forward = {
        path: `/${method}`,
        requestStream: false,
        responseStream: false,
        requestSerialize: asIs,
        requestDeserialize: asIs,
        responseSerialize: asIs,
        responseDeserialize: asIs,
      };
      this.#server.addService(
        { forward },
        {
          forward: answering(({ request }: { request: Buffer }) => {
            const headers = { "mm-model-id": modelNameOf(request) };
            return this.#mesh.call({ method, body: request, headers });
          }),
        },
      );
    }
  }

  /** Resolves with the port, on loopback. */
  async listen(): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    this.#server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) =>
      error === null ? resolve(port) : reject(error),
    );
    return await promise;
  }

  close(): void {
    this.#server.forceShutdown();
  }
}

function answering<Call>(answer: (call: Call) => Promise<object>) {
  return (call: Call, callback: grpc.sendUnaryData<object>): void => {
    answer(call).then(
      (message) => callback(null, message),
      (reason: Error) => {
        const code = reason instanceof MeshError ? grpc.status[reason.code] : grpc.status.INTERNAL;
        callback({ code, details: reason.message });
      },
    );
  };
}

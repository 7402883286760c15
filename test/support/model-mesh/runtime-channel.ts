import { fileURLToPath } from "node:url";
import * as grpc from "@grpc/grpc-js";
import { loadSync, type PackageDefinition } from "@grpc/proto-loader";
import type { MeshBooks } from "./mesh-books.ts";
import type { MeshClock } from "./mesh-clock.ts";

const definition = loadSync(
  fileURLToPath(new URL("../../../proto/mmesh/model-runtime.proto", import.meta.url)),
  { longs: String, enums: String, defaults: true, keepCase: true },
);
const spi = definition["mmesh.ModelRuntime"] as PackageDefinition[string] &
  Record<string, grpc.MethodDefinition<object, object>>;

export type SpiMethod =
  | "loadModel"
  | "unloadModel"
  | "predictModelSize"
  | "modelSize"
  | "runtimeStatus";

export interface CallLimits {
  /** Milliseconds on the wall from now. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** How the runtime answered a call. `code` is the name of a gRPC status. */
export type RuntimeAnswer<T> =
  | { readonly code: "OK"; readonly message: T }
  | { readonly code: Exclude<keyof typeof grpc.status, "OK">; readonly details: string };

const MiB = 1024 * 1024;

/** A channel of ModelMesh to its runtime: one HTTP/2 connection, plaintext, not waiting for it to be ready. */
export class RuntimeChannel {
  readonly #client: grpc.Client;
  readonly #books: MeshBooks;
  /** Calls without an answer yet. */
  openCalls = 0;

  /** `target`: "localhost:PORT" or "unix:PATH". */
  constructor(target: string, { clock, books }: { clock: MeshClock; books: MeshBooks }) {
    this.#books = books;
    this.#client = new grpc.Client(target, grpc.credentials.createInsecure(), {
      "grpc.use_local_subchannel_pool": 1,
      "grpc.max_receive_message_length": 16 * MiB,
      "grpc.max_send_message_length": -1,
      "grpc.initial_reconnect_backoff_ms": 1000 / clock.scale,
      "grpc.max_reconnect_backoff_ms": 120_000 / clock.scale,
      "grpc.client_idle_timeout_ms": Math.max((30 * 60_000) / clock.scale, 1000),
    });
  }

  /** A management call. `message` as the proto spells it. */
  async manage<T>(
    method: SpiMethod,
    message: Readonly<Record<string, string>>,
    limits: CallLimits = {},
  ): Promise<RuntimeAnswer<T>> {
    const { path, requestSerialize, responseDeserialize } = spi[method] as grpc.MethodDefinition<
      object,
      object
    >;
    const modelId = message["modelId"];
    if (modelId !== undefined) this.#books.note(modelId, `${method} sent`);
    const answer = await this.#send<T>(
      {
        path,
        body: requestSerialize(message),
        read: (bytes) => responseDeserialize(bytes) as T,
        metadata: new grpc.Metadata(),
      },
      limits,
    );
    if (modelId !== undefined) this.#books.note(modelId, `${method} ${answer.code}`);
    this.#books.count(method, answer.code);
    return answer;
  }

  /** An inference: bytes in, bytes out. `method`: "package.Service/Method". */
  async forward(
    call: { readonly method: string; readonly body: Buffer; readonly metadata: grpc.Metadata },
    limits: CallLimits,
  ): Promise<RuntimeAnswer<Buffer>> {
    const { method, body, metadata } = call;
    const sent = { path: `/${method}`, body, metadata, read: (bytes: Buffer) => bytes };
    const answer = await this.#send(sent, limits);
    this.#books.count(method, answer.code);
    return answer;
  }

  close(): void {
    this.#client.close();
  }

  #send<T>(
    call: {
      readonly path: string;
      readonly body: Buffer;
      readonly metadata: grpc.Metadata;
      readonly read: (bytes: Buffer) => T;
    },
    { timeoutMs, signal }: CallLimits,
  ): Promise<RuntimeAnswer<T>> {
    // As grpc-java does; @grpc/grpc-js would send the call and never take it back.
    if (signal?.aborted) return Promise.resolve({ code: "CANCELLED", details: "not sent" });
    const options = timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs };
    this.openCalls++;
    return new Promise((resolve) => {
      const cancel = () => sent.cancel();
      const sent = this.#client.makeUnaryRequest(
        call.path,
        (bytes: Buffer) => bytes,
        call.read,
        call.body,
        call.metadata,
        options,
        (error, message) => {
          signal?.removeEventListener("abort", cancel);
          this.openCalls--;
          if (error === null && message !== undefined) resolve({ code: "OK", message });
          else resolve(failure(error));
        },
      );
      signal?.addEventListener("abort", cancel);
    });
  }
}

function failure(error: grpc.ServiceError | null): RuntimeAnswer<never> {
  const code = grpc.status[error?.code ?? grpc.status.UNKNOWN] as keyof typeof grpc.status;
  const details = error?.details ?? "no response received from model runtime";
  return { code: code === "OK" ? "UNKNOWN" : code, details };
}

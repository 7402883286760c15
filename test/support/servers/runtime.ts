import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SafePath } from "../../../src/base/files/safe-path.ts";
import { createEngine, type EngineOptions } from "../../../src/engine/create-engine.ts";
import { createLogger } from "../../../src/observe/log.ts";
import { MetricsPage } from "../../../src/rpc/metrics/page.ts";
import { CallMetrics } from "../../../src/rpc/observe/call-metrics.ts";
import { buildServer } from "../../../src/rpc/server.ts";
import { ModelManager, type ModelManagerOptions } from "../../../src/service/model-manager.ts";
import type { ModelSigning } from "../../../src/signing/model-signing.ts";
import { managerOptions } from "../fakes/manager-options.ts";
import { projectRoot } from "./served.ts";

export interface Runtime {
  /** The model root: relative model paths start here. */
  readonly root: string;
  readonly port: number;
  readonly socketPath: string;
  readonly models: ModelManager;
  readonly engine: ReturnType<typeof createEngine>;
  /** Puts a file below the model root and returns its relative path. */
  put(name: string, bytes: Uint8Array): Promise<string>;
  close(): Promise<void>;
}

export interface RuntimeOptions extends Partial<ModelManagerOptions> {
  readonly engineHosts?: number;
  readonly dedicatedMinBytes?: number;
  readonly killGraceMs?: number;
  readonly warmupTimeoutMs?: number;
  readonly maxMessageBytes?: number;
  /** Default: private folders. */
  readonly translation?: EngineOptions["translation"];
  /** Default: signatures are not checked. Closed with the runtime. */
  readonly signing?: ModelSigning;
  /** Whether the model root is the local model repository too. */
  readonly servesRoot?: boolean;
}

const MiB = 1024 * 1024;

/** The whole runtime in this process, but for its engine hosts: real models, real sockets. */
export async function startRuntime(options: RuntimeOptions = {}): Promise<Runtime> {
  const root = await mkdtemp(join(tmpdir(), "modelport-runtime-"));
  const log = createLogger("silent");
  const engine = createEngine({
    hosts: options.engineHosts ?? 2,
    dedicatedMinBytes: options.dedicatedMinBytes ?? 32 * MiB,
    killGraceMs: options.killGraceMs ?? 2_000,
    warmupTimeoutMs: options.warmupTimeoutMs ?? 5_000,
    ...(options.translation && { translation: options.translation }),
    log,
  });
  const models = new ModelManager(
    {
      engine,
      safePath: new SafePath([root]),
      ...(options.signing && { signing: options.signing }),
      log,
    },
    managerOptions({
      capacityBytes: 2048 * MiB,
      loadTimeoutMs: 30_000,
      defaultModelBytes: 1_000_000,
      drainTimeoutMs: 10_000,
      modelRepository: options.servesRoot ? root : undefined,
      ...options,
    }),
  );
  const calls = new CallMetrics();
  const server = await buildServer({
    models,
    texts: models.texts,
    observer: calls,
    metrics: { page: new MetricsPage(calls, models.watch.metrics) },
    readiness: models.readiness,
    watch: models.watch,
    options: {
      host: "localhost",
      port: 0,
      socketPath: join(root, "_sock", "grpc.sock"),
      version: "test",
      readMaxBytes: options.maxMessageBytes ?? 64 * MiB,
      closeGraceMs: 1000,
      dashboardFolder: join(projectRoot, "dist/dashboard"),
      peekTimeoutMs: 10_000,
      headersTimeoutMs: 10_000,
      requestTimeoutMs: 60_000,
    },
    log,
  });
  const { port } = await server.listen();
  return {
    root,
    port,
    socketPath: join(root, "_sock", "grpc.sock"),
    models,
    engine,
    async put(name, bytes) {
      await writeFile(join(root, name), bytes);
      return name;
    },
    async close() {
      const closed = await Promise.allSettled([server.close(), models.close()]);
      // Whatever failed above: hosts that stay would keep the process of the tests alive.
      await engine.close();
      await options.signing?.close();
      await rm(root, { recursive: true, force: true });
      for (const outcome of closed) if (outcome.status === "rejected") throw outcome.reason;
    },
  };
}

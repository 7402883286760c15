import { RuntimeError } from "../../base/errors.ts";
import type { ExecutionProvider } from "../../config/run-settings.ts";
import type { HostInfo, HostKind } from "../contract/engine.ts";
import type { EngineLog } from "../contract/engine-log.ts";
import { HostCounts, type HostEnd } from "../contract/host-counts.ts";
import { RunBudget } from "../run-memory/budget.ts";
import { HostProcess } from "./child-process.ts";
import { EngineHost } from "./engine-host.ts";
import type { HostMemory } from "./memory.ts";
import { MemoryMonitor } from "./memory-monitor.ts";
import { HostRecycler, type RecyclablePool } from "./recycler.ts";
import { vacate } from "./vacate.ts";

export interface HostPoolOptions {
  readonly sharedHosts: number;
  readonly killGraceMs: number;
  readonly warmupTimeoutMs: number;
  readonly runMemoryBytes: number;
  /** What a shared host may take beyond its models before these move to a fresh one; 0: unlimited. */
  readonly maxWasteBytes: number;
  readonly wasteIntervalMs: number;
  readonly environment: Readonly<Record<string, string>>;
  readonly executionProvider: ExecutionProvider;
  readonly log: EngineLog;
}

/** Failed starts in a row, each followed by a longer pause, after which the pool reports failure. */
const maxFailedStarts = 5;
const firstPauseMs = 100;
const maxPauseMs = 5_000;

/** The engine hosts: some shared ones for small models, one spare that is already up, and one for each big
 *  model. The spare replaces a shared host that dies, and a new host replaces the spare. */
export class HostPool implements RecyclablePool {
  /** Resolves when the first host is up. Rejects if starts keep failing before that. */
  readonly ready: Promise<void>;
  readonly counts = new HostCounts();
  readonly #options: HostPoolOptions;
  readonly #ready = Promise.withResolvers<void>();
  /** Every host whose process still exists. */
  readonly #hosts = new Set<EngineHost>();
  #failedStarts = 0;
  #pause: NodeJS.Timeout | undefined;
  #isClosed = false;
  readonly #recycler: HostRecycler;
  /** Undefined: run memory is unlimited. */
  readonly runBudget: RunBudget | undefined;
  readonly #memoryMonitor: MemoryMonitor | undefined;

  constructor(options: HostPoolOptions) {
    this.#options = options;
    const { maxWasteBytes, wasteIntervalMs: intervalMs, log } = options;
    this.#recycler = new HostRecycler(this, { maxWasteBytes, intervalMs, log });
    const { runMemoryBytes: totalBytes } = options;
    if (totalBytes > 0) {
      this.runBudget = new RunBudget({ totalBytes });
      this.#memoryMonitor = new MemoryMonitor({ totalBytes, hosts: () => this.#memories() });
    }
    this.ready = this.#ready.promise;
    this.ready.catch(() => {});
    this.refill();
  }

  hosts(): readonly HostInfo[] {
    return [...this.#hosts]
      .filter((host) => host.process.pid !== 0)
      .map(({ kind, modelCount, process, waitingRuns }) => ({
        pid: process.pid,
        kind,
        models: modelCount,
        memoryBytes: process.memoryBytes,
        waitingRuns,
      }));
  }

  /** The shared host with the least memory in use or reserved. It may still be starting. Throws
   *  "temporarily-unavailable" if there is none at the moment. */
  placeShared(): EngineHost {
    this.#throwIfClosed();
    // A host that is being killed still exists, but its place can be taken.
    this.#refillShared();
    let best: EngineHost | undefined;
    let bestBytes = Number.POSITIVE_INFINITY;
    for (const host of this.#alive("shared")) {
      const bytes = host.committedBytes;
      const isBetter = bytes < bestBytes || (bytes === bestBytes && host.process.isReady);
      if (!isBetter) continue;
      best = host;
      bestBytes = bytes;
    }
    if (best !== undefined) return best;
    throw new RuntimeError("temporarily-unavailable", "no engine host is up at the moment");
  }

  /** A host for one model alone, which ends with it: the spare if there is one. The next spare starts at
   *  `refill`, to be called when the load has ended: until then the load needs the cores more. */
  placeDedicated(): EngineHost {
    this.#throwIfClosed();
    const spare = this.#alive("spare")[0];
    if (spare === undefined) return this.#start("dedicated");
    spare.kind = "dedicated";
    return spare;
  }

  /** Brings the shared hosts and the spare up to their number. */
  refill(): void {
    this.#refillShared();
    const canStart = !this.#isClosed && this.#pause === undefined;
    if (canStart && this.#alive("spare").length === 0) this.#start("spare");
  }

  /** Kills all hosts and resolves when they are gone. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#recycler.close();
    this.#memoryMonitor?.close();
    clearTimeout(this.#pause);
    const error = shuttingDown();
    this.#ready.reject(error);
    await Promise.all([...this.#hosts].map((host) => host.process.kill(error)));
  }

  sharedHosts(): readonly EngineHost[] {
    return this.#alive("shared");
  }

  replace(host: EngineHost): EngineHost | undefined {
    const spare = this.#alive("spare")[0];
    if (spare === undefined || !spare.process.isReady || host.isLeaving) return undefined;
    host.isLeaving = true;
    this.refill();
    return spare;
  }

  finish(host: EngineHost, isEmpty: boolean): void {
    host.isLeaving = false;
    host.wasRecycled = isEmpty;
    if (isEmpty) void host.process.kill(new RuntimeError("cancelled", "the host was recycled"));
  }

  #memories(): readonly HostMemory[] {
    return [...this.#hosts].map(({ memory }) => memory);
  }

  #alive(kind: HostKind): EngineHost[] {
    return [...this.#hosts].filter(
      (host) => host.kind === kind && host.process.isAlive && !host.isLeaving,
    );
  }

  #refillShared(): void {
    if (this.#isClosed) return;
    let missing = this.#options.sharedHosts - this.#alive("shared").length;
    const spare = this.#alive("spare")[0];
    if (missing > 0 && spare !== undefined) {
      spare.kind = "shared";
      missing--;
    }
    // After a failed start, no host is started before the pause is over.
    if (this.#pause !== undefined) return;
    for (; missing > 0; missing--) this.#start("shared");
  }

  #start(kind: HostKind): EngineHost {
    const { environment, executionProvider, log, runMemoryBytes, wasteIntervalMs } = this.#options;
    const child = new HostProcess({ environment, executionProvider, log, runMemoryBytes });
    const host = new EngineHost(child, {
      ...this.#options,
      kind,
      runBudget: this.runBudget,
      vacate: (busy, stuck) =>
        vacate(this, busy, stuck, { mostBytes: runMemoryBytes, intervalMs: wasteIntervalMs, log }),
    });
    this.#hosts.add(host);
    const startedMs = performance.now();
    let wasReady = false;
    host.process.ready.then(
      () => {
        wasReady = true;
        this.#failedStarts = 0;
        this.#ready.resolve();
        const startMs = Math.round(performance.now() - startedMs);
        this.counts.starts.observe(startMs);
        log.info({ hostPid: host.process.pid, kind: host.kind, startMs }, "engine host started");
      },
      () => {},
    );
    void host.process.exited.then((error) => {
      this.#hosts.delete(host);
      if (this.#isClosed) return;
      this.counts.ends[endOf(host, error, wasReady)]++;
      // A dedicated host usually ends because its model was unloaded.
      if (error.kind !== "cancelled" && (host.kind !== "dedicated" || error.kind === "host-lost")) {
        const { pid } = host.process;
        log.warn({ hostPid: pid, kind: host.kind, reason: error.message }, "engine host was lost");
      }
      if (!wasReady && error.kind !== "cancelled") this.#pauseAfterFailedStart(error);
      this.refill();
    });
    return host;
  }

  #pauseAfterFailedStart(error: RuntimeError): void {
    // Hosts that were started together fail together, and count once.
    if (this.#pause !== undefined) return;
    this.#failedStarts++;
    if (this.#failedStarts >= maxFailedStarts) this.#ready.reject(error);
    const pauseMs = Math.min(maxPauseMs, firstPauseMs * 2 ** (this.#failedStarts - 1));
    this.#pause = setTimeout(() => {
      this.#pause = undefined;
      this.refill();
    }, pauseMs);
  }

  #throwIfClosed(): void {
    if (this.#isClosed) throw shuttingDown();
  }
}

function endOf(host: EngineHost, error: RuntimeError, wasReady: boolean): HostEnd {
  if (error.kind === "aborted") return "unloaded";
  if (error.kind === "cancelled") return host.wasRecycled ? "recycled" : "cancelled";
  if (!wasReady) return "not-started";
  return host.process.wasKilled ? "killed" : "crashed";
}

export function shuttingDown(): RuntimeError {
  return new RuntimeError("shutting-down", "the engine is shutting down");
}

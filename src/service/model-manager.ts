import { abortable, delay } from "../abort.ts";
import type { Engine, LoadedModel, ModelMetadata } from "../engine/engine.ts";
import { RuntimeError } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { SafePath } from "../storage/safe-path.ts";
import type { Tensor } from "../tensor.ts";
import { checkInference } from "./inference-check.ts";
import { LoadQueue } from "./load-queue.ts";
import { MemoryBudget } from "./memory-budget.ts";
import { ModelLifecycle } from "./model-lifecycle.ts";
import type { ModelRecord } from "./model-record.ts";
import { ModelRegistry } from "./model-registry.ts";
import { ModelSizer } from "./model-sizer.ts";
import { isSameSpec, readModelSpec } from "./model-spec.ts";
import type { InferenceRequest, ModelSize, ModelSpec, Models, RuntimeStatus } from "./models.ts";

export interface ModelManagerOptions {
  readonly capacityBytes: number;
  readonly loadingConcurrency: number;
  /** What ModelMesh is told; our own limit is a little shorter. */
  readonly loadTimeoutMs: number;
  readonly defaultModelBytes: number;
  readonly modelSizeMultiplier: number | undefined;
  /** Told to ModelMesh with every model; 0 is no limit. */
  readonly limitPerModelConcurrency: number;
  readonly runtimeVersion: string;
  /** How long inferences in flight may go on when their model is unloaded. */
  readonly drainTimeoutMs: number;
}

/** After this time a status call answers "not ready" and lets the purge go on; callers ask again. */
const statusPatienceMs = 1000;
/** Nobody waits for the inferences of a ModelMesh that has gone. */
const purgeDrainMs = 500;

export class ModelManager implements Models {
  readonly #engine: Engine;
  readonly #options: ModelManagerOptions;
  readonly #registry = new ModelRegistry();
  readonly #budget: MemoryBudget;
  readonly #queue: LoadQueue;
  readonly #sizer: ModelSizer;
  readonly #lifecycle: ModelLifecycle;
  readonly #readyListeners = new Set<() => void>();
  #phase: "starting" | "ready" | "closed" = "starting";

  constructor(
    parts: { readonly engine: Engine; readonly safePath: SafePath; readonly log: Logger },
    options: ModelManagerOptions,
  ) {
    const registry = this.#registry;
    const { engine } = parts;
    const { capacityBytes, loadTimeoutMs } = options;
    this.#engine = engine;
    this.#options = options;
    this.#budget = new MemoryBudget(capacityBytes, () => registry.states());
    this.#queue = new LoadQueue(options.loadingConcurrency, this.#budget);
    this.#sizer = new ModelSizer(engine, parts.safePath, {
      capacityBytes,
      defaultModelBytes: options.defaultModelBytes,
      multiplier: options.modelSizeMultiplier,
    });
    this.#lifecycle = new ModelLifecycle({
      ...parts,
      registry,
      budget: this.#budget,
      queue: this.#queue,
      loadLimitMs: loadTimeoutMs - Math.min(1000, loadTimeoutMs / 10),
      drainTimeoutMs: options.drainTimeoutMs,
    });
    registry.onChange(() => this.#queue.pump());
    engine.ready.then(
      () => {
        if (this.#phase === "starting") this.#enter("ready");
      },
      () => {},
    );
  }

  get ready(): boolean {
    return this.#phase === "ready";
  }

  /** `ready`, and word of every change of it; `onChange` returns the function that ends that. */
  readonly readiness = {
    serving: () => this.ready,
    onChange: (listener: () => void): (() => void) => {
      this.#readyListeners.add(listener);
      return () => this.#readyListeners.delete(listener);
    },
  };

  /** Bytes that models hold or have reserved. */
  get usedBytes(): number {
    return this.#budget.usedBytes;
  }

  get leaseCount(): number {
    let count = 0;
    for (const record of this.#registry.all()) count += record.leases.count;
    return count;
  }

  /** The process that holds a model; undefined while none does. */
  hostPidOf(id: string): number | undefined {
    return this.#registry.generations(id).findLast((record) => record.isServing)?.loaded?.hostPid;
  }

  /** Ids that have any generation, loaded or not. */
  get modelIds(): string[] {
    return [...new Set([...this.#registry.all()].map((record) => record.id))];
  }

  load(spec: ModelSpec, signal: AbortSignal): Promise<ModelSize> {
    return this.#load(spec, signal, false);
  }

  /** Loads a model of the local repository: it stays through the purge of `status`. */
  loadPinned(spec: ModelSpec, signal: AbortSignal): Promise<ModelSize> {
    return this.#load(spec, signal, true);
  }

  async #load(spec: ModelSpec, signal: AbortSignal, pinned: boolean): Promise<ModelSize> {
    signal.throwIfAborted();
    if (this.#phase === "closed") throw closedError();
    const newest = this.#registry.newest(spec.id);
    const joins = newest !== undefined && isSameSpec(newest.request.spec, spec);
    if (joins && (newest.isComing || newest.isServing)) return await this.#wait(newest, signal);
    const request = readModelSpec(spec, (format) => this.#engine.knowsFormat(format));
    const predecessors = this.#registry.generations(spec.id);
    const record = this.#registry.add(request, pinned);
    void this.#lifecycle.start(record, predecessors);
    return await this.#wait(record, signal);
  }

  /** Waits for a load together with others; the last one to give up stops it. */
  async #wait(record: ModelRecord, signal: AbortSignal): Promise<ModelSize> {
    record.waiterCount++;
    try {
      await abortable(record.firstReady.promise, signal);
      const loaded = await abortable(record.whenRunning(), signal);
      await this.#sizer.remember(record.request, loaded.sizeBytes);
      return {
        sizeBytes: loaded.sizeBytes,
        maxConcurrency: this.#options.limitPerModelConcurrency,
      };
    } finally {
      record.waiterCount--;
      if (record.waiterCount === 0 && record.isComing) {
        const reason = new RuntimeError(
          "cancelled",
          `the load of model '${record.id}' was cancelled by its caller`,
        );
        void this.#lifecycle.retire(record, reason, 0);
      }
    }
  }

  async unload(id: string): Promise<void> {
    const reason = new RuntimeError("cancelled", `model '${id}' was unloaded while it was loading`);
    await this.#retireAll(this.#registry.generations(id), reason, this.#options.drainTimeoutMs);
  }

  async predictSize(spec: ModelSpec): Promise<number> {
    const request = readModelSpec(spec, (format) => this.#engine.knowsFormat(format));
    return await this.#sizer.predict(request);
  }

  size(id: string): number {
    const state = this.#serving(id).state;
    if (state.tag === "ready" || state.tag === "reloading") return state.sizeBytes;
    throw notFound(id);
  }

  async status(): Promise<RuntimeStatus> {
    if (!this.ready) return { ready: false };
    // Loads that arrive from here on belong to the caller's new life.
    const upTo = this.#registry.lastGeneration;
    const old = [...this.#registry.all()].filter(
      (record) => !record.pinned && record.generation <= upTo,
    );
    if (old.length > 0 && !(await this.#purge(old))) return { ready: false };
    const options = this.#options;
    return {
      ready: true,
      capacityBytes: options.capacityBytes - this.#pinnedBytes(),
      maxLoadingConcurrency: options.loadingConcurrency,
      loadTimeoutMs: options.loadTimeoutMs,
      defaultModelBytes: options.defaultModelBytes,
      runtimeVersion: options.runtimeVersion,
      limitModelConcurrency: options.limitPerModelConcurrency > 0,
    };
  }

  isModelReady(id: string): boolean {
    return this.#registry.generations(id).some((record) => record.state.tag === "ready");
  }

  metadata(id: string): ModelMetadata {
    const record = this.#serving(id);
    if (record.loaded === undefined) throw notReady(id, record);
    return record.loaded.metadata;
  }

  async infer(id: string, request: InferenceRequest, signal: AbortSignal): Promise<Tensor[]> {
    signal.throwIfAborted();
    const record = this.#serving(id);
    const release = record.leases.acquire();
    try {
      const loaded = await abortable(record.whenRunning(), signal);
      const checked = checkInference(id, loaded.metadata, request);
      try {
        return await loaded.infer(checked, signal);
      } catch (reason) {
        if (!(reason instanceof RuntimeError) || reason.kind !== "host-lost") throw reason;
        // The request is idempotent and its buffers are ours again: once more, in the new host.
        this.#lifecycle.recover(record, loaded, reason);
        const again = await this.#afterLoss(record, loaded, signal);
        return await again.infer(checked, signal);
      }
    } finally {
      release();
    }
  }

  /** Stops all loads at once and ends all models; inferences in flight may go on for `drainMs`. Nothing
   *  can be loaded afterwards. */
  async close(drainMs = 0): Promise<void> {
    this.#enter("closed");
    await this.#retireAll([...this.#registry.all()], closedError(), drainMs);
  }

  #enter(phase: "ready" | "closed"): void {
    this.#phase = phase;
    for (const listener of this.#readyListeners) listener();
  }

  async #afterLoss(
    record: ModelRecord,
    lost: LoadedModel,
    signal: AbortSignal,
  ): Promise<LoadedModel> {
    if (record.loaded === lost) {
      throw new RuntimeError("aborted", `model '${record.id}' was unloaded`);
    }
    return await abortable(record.whenRunning(), signal);
  }

  #serving(id: string): ModelRecord {
    const generations = this.#registry.generations(id);
    const serving = generations.findLast((record) => record.isServing);
    if (serving !== undefined) return serving;
    if (this.#phase === "closed") throw closedError();
    const coming = generations.findLast((record) => record.isComing);
    if (coming !== undefined) throw notReady(id, coming);
    throw notFound(id);
  }

  async #retireAll(
    records: readonly ModelRecord[],
    reason: RuntimeError,
    drainMs: number,
  ): Promise<void> {
    await Promise.all(records.map((record) => this.#lifecycle.retire(record, reason, drainMs)));
  }

  /** Resolves with whether the purge was done in the time that a caller should wait. */
  async #purge(records: readonly ModelRecord[]): Promise<boolean> {
    const reason = new RuntimeError("cancelled", "the runtime was reset by runtimeStatus");
    const patience = new AbortController();
    const purged = this.#retireAll(records, reason, purgeDrainMs).then(() => true);
    const waited = delay(statusPatienceMs, patience.signal).then(
      () => false,
      () => false,
    );
    const done = await Promise.race([purged, waited]);
    patience.abort();
    return done;
  }

  #pinnedBytes(): number {
    let sum = 0;
    for (const { pinned, state } of this.#registry.all()) {
      if (pinned && "sizeBytes" in state) sum += state.sizeBytes;
    }
    return sum;
  }
}

function notFound(id: string): RuntimeError {
  return new RuntimeError("model-not-found", `model '${id}' is not loaded`);
}

function notReady(id: string, record: ModelRecord): RuntimeError {
  return new RuntimeError(
    "model-not-ready",
    `model '${id}' cannot run yet: it is ${record.state.tag}`,
  );
}

function closedError(): RuntimeError {
  return new RuntimeError("shutting-down", "the runtime is shutting down");
}

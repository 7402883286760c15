import { abortable, delay } from "../base/abort.ts";
import type { CancelSignal } from "../base/cancel-signal.ts";
import { RuntimeError } from "../base/errors.ts";
import { defaultRunSettings, type RunSettings } from "../config/run-settings.ts";
import type { Engine } from "../engine/contract/engine.ts";
import type {
  InferenceRequest,
  InferenceResult,
  ModelDescription,
  ModelIndexEntry,
  ModelSize,
  ModelSpec,
  ModelStatistics,
  Models,
  RuntimeStatus,
  StatusCaller,
} from "./contract/models.ts";
import { runInference } from "./inference-run.ts";
import { LoadQueue } from "./lifecycle/load-queue.ts";
import { MemoryBudget } from "./lifecycle/memory-budget.ts";
import { type LifecycleParts, ModelLifecycle } from "./lifecycle/model-lifecycle.ts";
import { labelOf, refuseInnerId, splitVersionedId } from "./lifecycle/model-name.ts";
import type { ModelRecord } from "./lifecycle/model-record.ts";
import { ModelRegistry } from "./lifecycle/model-registry.ts";
import { ModelSizer } from "./lifecycle/model-sizer.ts";
import { isSameSpec, readModelSpec } from "./lifecycle/model-spec.ts";
import { heldBytes } from "./lifecycle/model-state.ts";
import { LifecycleOwner } from "./lifecycle-owner.ts";
import { LocalRepository } from "./local-repository.ts";
import { indexOf } from "./model-index.ts";
import { ModelLookup, notFound, notReady } from "./model-lookup.ts";
import { RuntimeWatch } from "./watch/runtime-watch.ts";

export interface ModelManagerOptions {
  readonly capacityBytes: number;
  readonly loadingConcurrency: number;
  /** What ModelMesh is told; our own limit is a little shorter. */
  readonly loadTimeoutMs: number;
  readonly defaultModelBytes: number;
  readonly modelSizeMultiplier: number | undefined;
  /** Inferences of one model that may run at once: told to ModelMesh, and kept; 0 is no limit. */
  readonly limitPerModelConcurrency: number;
  /** Of models that do not say otherwise, but for the concurrency. Default: `defaultRunSettings`. */
  readonly runSettings?: RunSettings;
  readonly runtimeVersion: string;
  /** How long inferences in flight may go on when their model is unloaded. */
  readonly drainTimeoutMs: number;
  /** Absolute path of the local model repository, if there is one. */
  readonly modelRepository: string | undefined;
  /** Whose it is to load and unload; "auto": the repository's, or where there is none ModelMesh's once it has called. */
  readonly lifecycleOwner: "auto" | "repository" | "modelmesh";
  /** "loaded": not before the first pass over the model repository is over. Default: "started". */
  readonly readyWhen?: "started" | "loaded";
}

/** After this time a status call answers "not ready" and lets the purge go on; callers ask again. */
const statusPatienceMs = 1000;
/** Nobody waits for the inferences of a ModelMesh that has gone. */
const purgeDrainMs = 500;

export class ModelManager implements Models {
  readonly #engine: Engine;
  readonly #options: ModelManagerOptions;
  /** What those see who watch this runtime. */
  readonly watch: RuntimeWatch;
  readonly #registry = new ModelRegistry();
  readonly #lookup = new ModelLookup(this.#registry);
  readonly #owner: LifecycleOwner;
  readonly #budget: MemoryBudget;
  readonly #queue: LoadQueue;
  readonly #sizer: ModelSizer;
  readonly #lifecycle: ModelLifecycle;
  readonly #repository: LocalRepository;
  /** Resolves when everything in the repository has been loaded or has failed once, if that is waited for. */
  readonly #firstPass = Promise.withResolvers<void>();
  readonly #readyListeners = new Set<() => void>();
  #phase: "starting" | "ready" | "closed" = "starting";

  constructor(
    // Without a puller models in stores cannot be loaded.
    parts: Pick<LifecycleParts, "engine" | "safePath" | "log"> &
      Partial<Pick<LifecycleParts, "puller" | "tracing">>,
    options: ModelManagerOptions,
  ) {
    const registry = this.#registry;
    const { engine } = parts;
    const { capacityBytes, loadTimeoutMs } = options;
    this.#engine = engine;
    this.#options = options;
    this.watch = new RuntimeWatch({
      registry,
      hosts: () => engine.hosts(),
      hostCounts: engine.hostCounts,
      runMemory: engine.runMemory,
      facts: () => ({
        phase: this.#phase,
        lifecycleOwner: this.#owner.current,
        hasModelRepository: options.modelRepository !== undefined,
        capacityBytes,
        loadsWaiting: this.#queue.waitingCount,
        loadsRunning: this.#queue.runningCount,
        loadsLimit: options.loadingConcurrency,
      }),
    });
    this.#owner = new LifecycleOwner(options.lifecycleOwner, {
      hasRepository: options.modelRepository !== undefined,
      onTakeOver: () => this.watch.note("modelmesh-took-over"),
    });
    this.#budget = new MemoryBudget(capacityBytes, registry.held);
    this.#queue = new LoadQueue(options.loadingConcurrency, this.#budget);
    this.#sizer = new ModelSizer(engine, parts.safePath, {
      capacityBytes,
      defaultModelBytes: options.defaultModelBytes,
      multiplier: options.modelSizeMultiplier,
    });
    this.#lifecycle = new ModelLifecycle({
      ...parts,
      puller: parts.puller,
      registry,
      budget: this.#budget,
      queue: this.#queue,
      sizer: this.#sizer,
      onGivenUp: ({ id, pinned }, banMs) => pinned && this.#repository.comeBackAfter(id, banMs),
      loadLimitMs: loadTimeoutMs - Math.min(1000, loadTimeoutMs / 10),
      drainTimeoutMs: options.drainTimeoutMs,
      defaultSettings: {
        ...(options.runSettings ?? defaultRunSettings),
        maxConcurrency: options.limitPerModelConcurrency,
      },
    });
    const { extensions } = engine;
    const repository = { directory: options.modelRepository, extensions, log: parts.log };
    this.#repository = new LocalRepository(repository, {
      loadPinned: (spec, signal) => this.#load(spec, signal, true),
      unloadRecord: (id) => this.#unloadRecords([id]),
      recordIdsOf: (name) => this.#lookup.recordIds(name, ""),
    });
    registry.onChange(() => this.#queue.pump());
    const isPassAwaited = options.readyWhen === "loaded" && options.modelRepository !== undefined;
    if (!isPassAwaited) this.#firstPass.resolve();
    Promise.all([engine.ready, this.#firstPass.promise]).then(
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
    return this.#lookup.find(id, "")?.loaded?.hostPid;
  }

  /** Ids that have any generation, loaded or not. */
  get modelIds(): string[] {
    return [...new Set([...this.#registry.all()].map((record) => record.id))];
  }

  async load(spec: ModelSpec, signal: CancelSignal): Promise<ModelSize> {
    refuseInnerId(spec.id);
    return await this.#load(spec, signal, false);
  }

  async #load(spec: ModelSpec, signal: CancelSignal, pinned: boolean): Promise<ModelSize> {
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
  async #wait(record: ModelRecord, signal: CancelSignal): Promise<ModelSize> {
    record.waiterCount++;
    try {
      await abortable(record.firstReady.promise, signal);
      await abortable(record.whenRunning(), signal);
      return { sizeBytes: record.sizeBytes, maxConcurrency: record.settings.maxConcurrency };
    } finally {
      record.waiterCount--;
      if (record.waiterCount === 0 && record.isComing) {
        const reason = () =>
          cancelled(`the load of model '${record.label}' was cancelled by its caller`);
        void this.#lifecycle.retire(record, reason, 0);
      }
    }
  }

  async unload(id: string): Promise<void> {
    await this.#unloadRecords(this.#lookup.recordIds(id, ""));
  }

  async predictSize(spec: ModelSpec): Promise<number> {
    refuseInnerId(spec.id);
    try {
      const request = readModelSpec(spec, (format) => this.#engine.knowsFormat(format));
      return await this.#sizer.predict(request);
    } catch (error) {
      // The load will refuse it, and say why. ModelMesh would log an error here, and book this size.
      if (!(error instanceof RuntimeError) || spec.id === "") throw error;
      return this.#sizer.defaultBytes;
    }
  }

  size(id: string): number {
    const { state } = this.#serving(id, "");
    if (state.tag === "ready" || state.tag === "reloading") return state.sizeBytes;
    throw notFound(id);
  }

  async status(caller: StatusCaller = "modelmesh"): Promise<RuntimeStatus> {
    if (caller === "modelmesh") this.#owner.noteMesh();
    if (!this.ready) return { ready: false };
    // Those of now: loads that arrive during the purge belong to the caller's new life.
    const old = [...this.#registry.all()].filter((record) => !record.pinned);
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

  isModelReady(id: string, version = ""): boolean {
    return this.#lookup.find(id, version)?.state.tag === "ready";
  }

  describe(id: string, version: string): ModelDescription {
    const record = this.#serving(id, version);
    if (record.loaded === undefined) throw notReady(record);
    return { ...record.loaded.metadata, versions: this.#registry.versionsOf(id) };
  }

  infer(id: string, request: InferenceRequest, signal: CancelSignal): Promise<InferenceResult> {
    let record: ModelRecord;
    try {
      signal.throwIfAborted();
      record = this.#serving(id, request.version);
    } catch (reason) {
      return Promise.reject(reason);
    }
    return runInference(record, request, { lifecycle: this.#lifecycle, signal });
  }

  async index(): Promise<ModelIndexEntry[]> {
    const missing = await this.#repository.unavailable(
      (id) => this.#registry.newest(id) !== undefined,
    );
    return indexOf(this.#registry.all(), missing);
  }

  statistics(id?: string, version?: string): ModelStatistics[] {
    let records = [...this.#registry.all()].filter((record) => record.isServing);
    if (id !== undefined) {
      const asked = this.#serving(id, version ?? "");
      records = records.filter(({ id: recordId }) =>
        version === undefined ? splitVersionedId(recordId).name === id : recordId === asked.id,
      );
    }
    return records.map((record) => ({
      ...splitVersionedId(record.id),
      lastInferenceMs: record.statistics.lastInferenceMs,
      success: { ...record.statistics.success },
      fail: { ...record.statistics.fail },
    }));
  }

  async loadFromRepository(id: string, signal: CancelSignal): Promise<void> {
    this.#owner.refuseIfMeshOwns();
    await this.#repository.load(id, signal);
  }

  async unloadFromRepository(id: string): Promise<void> {
    this.#owner.refuseIfMeshOwns();
    await this.#repository.unload(id);
  }

  /** Loads all of the local repository. Returns one line for each model that did not load. */
  loadRepository(signal: CancelSignal): Promise<string[]> {
    return this.#repository.loadAll(signal).finally(() => this.#firstPass.resolve());
  }

  /** Stops all loads at once and ends all models; inferences in flight may go on for `drainMs`. Nothing
   *  can be loaded afterwards. */
  async close(drainMs = 0): Promise<void> {
    this.#enter("closed");
    this.#repository.close();
    await this.#retireAll([...this.#registry.all()], closedError, drainMs);
  }

  #enter(phase: "ready" | "closed"): void {
    if (phase === this.#phase) return;
    this.#phase = phase;
    this.watch.note(phase === "ready" ? "runtime-ready" : "shutdown-started");
    for (const listener of this.#readyListeners) listener();
  }

  #serving(id: string, version: string): ModelRecord {
    try {
      return this.#lookup.serving(id, version);
    } catch (error) {
      throw this.#phase === "closed" ? closedError() : error;
    }
  }

  async #unloadRecords(ids: readonly string[]): Promise<void> {
    const records = ids.flatMap((id) => this.#registry.generations(id));
    const reason = () =>
      cancelled(`model '${labelOf(ids[0] ?? "")}' was unloaded while it was loading`);
    await this.#retireAll(records, reason, this.#options.drainTimeoutMs);
  }

  async #retireAll(
    records: readonly ModelRecord[],
    reason: () => RuntimeError,
    drainMs: number,
  ): Promise<void> {
    await Promise.all(records.map((record) => this.#lifecycle.retire(record, reason, drainMs)));
  }

  /** Resolves with whether the purge was done in the time that a caller should wait. */
  async #purge(records: readonly ModelRecord[]): Promise<boolean> {
    const reason = () => cancelled("the runtime was reset by runtimeStatus");
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

  /** What models of the repository hold, or will: ModelMesh asks once, and counts with the rest for good. */
  #pinnedBytes(): number {
    let sum = 0;
    for (const { pinned, state, predictedBytes } of this.#registry.all()) {
      if (pinned) sum += state.tag === "queued" ? predictedBytes : heldBytes(state);
    }
    return Math.min(sum, this.#options.capacityBytes);
  }
}

function cancelled(message: string): RuntimeError {
  return new RuntimeError("cancelled", message);
}

function closedError(): RuntimeError {
  return new RuntimeError("shutting-down", "the runtime is shutting down");
}

import { delay } from "../base/abort.ts";
import type { CancelSignal } from "../base/cancel-signal.ts";
import { RuntimeError } from "../base/errors.ts";
import type { MemoryDivision } from "../base/memory-parts.ts";
import type { NamedModel } from "../config/hosting/named-models.ts";
import { defaultRunSettings, type RunSettings } from "../config/run-settings.ts";
import type { Engine } from "../engine/contract/engine.ts";
import type { ModelSigning } from "../signing/model-signing.ts";
import type { ModelConfig } from "./contract/model-config.ts";
import type {
  InferenceRequest,
  InferenceResult,
  ModelDescription,
  ModelIndexEntry,
  ModelSize,
  ModelSpec,
  Models,
  RuntimeStatus,
  StatusClient,
} from "./contract/models.ts";
import type { ModelStatistics } from "./contract/statistics.ts";
import type { TextCalls } from "./contract/text.ts";
import { runInference } from "./inference-run.ts";
import { LoadQueue } from "./lifecycle/load-queue.ts";
import { MemoryBudget } from "./lifecycle/memory-budget.ts";
import { type LifecycleParts, ModelLifecycle } from "./lifecycle/model-lifecycle.ts";
import { refuseInnerId } from "./lifecycle/model-name.ts";
import type { ModelRecord } from "./lifecycle/model-record.ts";
import { ModelRegistry } from "./lifecycle/model-registry.ts";
import { ModelSizer } from "./lifecycle/model-sizer.ts";
import { readModelSpec } from "./lifecycle/model-spec.ts";
import { LifecycleOwner } from "./lifecycle-owner.ts";
import { LocalRepository } from "./local-repository.ts";
import { ModelDirectory } from "./model-directory.ts";
import { cancelled, ModelLoads } from "./model-loads.ts";
import { ModelLookup } from "./model-lookup.ts";
import { RequiredModels } from "./required-models.ts";
import { closedError, RuntimePhase } from "./runtime-phase.ts";
import { ServedTexts } from "./served-texts.ts";
import { EmbeddingCache } from "./text/embedding-cache.ts";
import { TextService } from "./text/text-service.ts";
import { textFactsOf } from "./text-facts-of.ts";
import { RuntimeWatch } from "./watch/runtime-watch.ts";

export interface ModelManagerOptions {
  readonly capacityBytes: number;
  /** The container's memory, for watchers: `capacityBytes` is a part of it. */
  readonly memory?: MemoryDivision;
  readonly loadingConcurrency: number;
  /** The limit that we report to ModelMesh; our own is slightly shorter. */
  readonly loadTimeoutMs: number;
  readonly defaultModelBytes: number;
  readonly modelSizeMultiplier: number | undefined;
  /** Inferences of one model that may run at once, reported to ModelMesh and enforced; 0: no limit. */
  readonly limitPerModelConcurrency: number;
  /** For models without settings of their own, except the concurrency. Default: `defaultRunSettings`. */
  readonly runSettings?: RunSettings;
  readonly runtimeVersion: string;
  /** How long inferences in flight may continue when their model is unloaded. */
  readonly drainTimeoutMs: number;
  /** The absolute path of the local model repository, if there is one. */
  readonly modelRepository: string | undefined;
  /** How often the repository is polled for changes; 0, the default: never. */
  readonly repositoryPollMs?: number;
  /** Models beside it, which the operator named: the runtime is ready only while they serve. None by default. */
  readonly namedModels?: readonly NamedModel[];
  /** Who controls loading and unloading. "auto": the repository if there is one, otherwise ModelMesh once it
   *  has called. */
  readonly lifecycleOwner: "auto" | "repository" | "modelmesh";
  /** "loaded": not before the first pass over the model repository has ended. Default: "started". */
  readonly readyWhen?: "started" | "loaded";
  /** For vectors of texts that were asked for before; 0, the default: they are not kept. */
  readonly embeddingCacheBytes?: number;
  /** `maxModels`: the most models with metrics of their own. */
  readonly metrics?: { readonly maxModels: number };
}

/** After this time a status call reports "not ready" and lets the purge continue; clients ask again. */
const statusPatienceMs = 1000;
/** No one waits for the inferences of a ModelMesh that is gone. */
const purgeDrainMs = 500;

/** The entrance to models for the rest of the program: connects the parts and decides which call is allowed
 *  when. The parts below do the work: `ModelLoads` changes, `ModelDirectory` reads. */
export class ModelManager implements Models {
  readonly #engine: Engine;
  readonly #options: ModelManagerOptions;
  /** The watchers' view of this runtime. */
  readonly watch: RuntimeWatch;
  readonly #registry: ModelRegistry;
  readonly #phase = new RuntimePhase();
  readonly #directory: ModelDirectory;
  readonly #owner: LifecycleOwner;
  readonly #budget: MemoryBudget;
  readonly #sizer: ModelSizer;
  readonly #lifecycle: ModelLifecycle;
  readonly #loads: ModelLoads;
  readonly #repository: LocalRepository;
  readonly #required: RequiredModels;
  readonly #servedTexts: ServedTexts;
  /** What text models answer. */
  readonly texts: TextCalls;
  /** Resolves when everything in the repository has loaded or failed once, if the setting waits for that. */
  readonly #firstPass = Promise.withResolvers<void>();

  constructor(
    // Without a puller, models in stores cannot be loaded.
    parts: Pick<LifecycleParts, "engine" | "safePath" | "log"> &
      Partial<Pick<LifecycleParts, "puller" | "tracing">> & {
        readonly signing?: LifecycleParts["signing"] & Pick<ModelSigning, "counts">;
      },
    options: ModelManagerOptions,
  ) {
    const registry = new ModelRegistry(options.metrics?.maxModels);
    const phase = this.#phase;
    this.#registry = registry;
    const { engine } = parts;
    const { capacityBytes, loadTimeoutMs, drainTimeoutMs } = options;
    const { modelRepository, namedModels: named = [] } = options;
    const hasModelRepository = modelRepository !== undefined || named.length > 0;
    const cacheBytes = options.embeddingCacheBytes ?? 0;
    const cache = cacheBytes > 0 ? new EmbeddingCache(cacheBytes) : undefined;
    this.#engine = engine;
    this.#options = options;
    this.#budget = new MemoryBudget(capacityBytes, registry.held);
    const queue = new LoadQueue(options.loadingConcurrency, this.#budget);
    this.#owner = new LifecycleOwner(options.lifecycleOwner, { hasRepository: hasModelRepository });
    // Before anything else listens to the registry.
    this.watch = new RuntimeWatch({
      registry,
      hosts: () => engine.hosts(),
      hostCounts: engine.hostCounts,
      runMemory: engine.runMemory,
      embeddings: cache,
      signatures: parts.signing?.counts,
      facts: () => ({
        phase: phase.current,
        lifecycleOwner: this.#owner.current,
        hasModelRepository,
        polling: this.#repository.polling,
        capacityBytes,
        memory: options.memory,
        loadsWaiting: queue.waitingCount,
        loadsRunning: queue.runningCount,
        loadsLimit: options.loadingConcurrency,
      }),
    });
    registry.onChange(() => queue.pump());
    this.#sizer = new ModelSizer(engine, parts.safePath, {
      capacityBytes,
      defaultModelBytes: options.defaultModelBytes,
      multiplier: options.modelSizeMultiplier,
    });
    const lifecycle = new ModelLifecycle({
      ...parts,
      puller: parts.puller,
      registry,
      budget: this.#budget,
      queue,
      sizer: this.#sizer,
      loadLimitMs: loadTimeoutMs - Math.min(1000, loadTimeoutMs / 10),
      drainTimeoutMs,
      defaultSettings: {
        ...(options.runSettings ?? defaultRunSettings),
        maxConcurrency: options.limitPerModelConcurrency,
      },
    });
    this.#lifecycle = lifecycle;
    const lookup = new ModelLookup(registry);
    this.#directory = new ModelDirectory({ registry, lookup, phase });
    this.#required = new RequiredModels(
      named.map(({ name }) => name),
      { lookup, phase, onModels: (listener) => registry.onChange(listener) },
    );
    this.#loads = new ModelLoads({ engine, registry, lookup, lifecycle, phase, drainTimeoutMs });
    this.#servedTexts = new ServedTexts({ directory: this.#directory, lifecycle, cache });
    this.texts = new TextService(this.#servedTexts, cache);
    const { modelKinds } = engine;
    this.#repository = new LocalRepository(
      { directory: modelRepository, named, modelKinds, log: parts.log },
      this.#loads,
    );
    this.#connect();
    if (options.readyWhen !== "loaded" || !hasModelRepository) this.#firstPass.resolve();
    Promise.all([engine.ready, this.#firstPass.promise]).then(
      () => phase.enter("ready"),
      () => {},
    );
  }

  /** Connects parts that do not know each other. */
  #connect(): void {
    this.#owner.onTakeOver(() => this.watch.note("modelmesh-took-over"));
    this.#phase.onChange((phase) =>
      this.watch.note(phase === "ready" ? "runtime-ready" : "shutdown-started"),
    );
    this.#lifecycle.onGivenUp(({ id, pinned }, banMs) => {
      if (pinned) this.#repository.comeBackAfter(id, banMs);
    });
  }

  get ready(): boolean {
    return this.#required.areServing;
  }

  /** `ready` and its changes; `onChange` returns the function that stops listening. */
  readonly readiness = {
    serving: () => this.ready,
    onChange: (listener: () => void): (() => void) => this.#required.onChange(listener),
  };

  /** Memory that models hold or have reserved. */
  get usedBytes(): number {
    return this.#budget.usedBytes;
  }

  get leaseCount(): number {
    return this.#directory.leaseCount;
  }

  /** The process that holds a model; undefined if none does. */
  hostPidOf(id: string): number | undefined {
    return this.#directory.hostPidOf(id);
  }

  /** Ids that have any generation, loaded or not. */
  get modelIds(): string[] {
    return this.#directory.modelIds;
  }

  async load(spec: ModelSpec, signal: CancelSignal): Promise<ModelSize> {
    refuseInnerId(spec.id);
    return await this.#loads.load(spec, signal);
  }

  async unload(id: string): Promise<void> {
    await this.#loads.unloadRecords(this.#loads.recordIdsOf(id));
  }

  async predictSize(spec: ModelSpec): Promise<number> {
    refuseInnerId(spec.id);
    try {
      const request = readModelSpec(spec, (format) => this.#engine.knowsFormat(format));
      return await this.#sizer.predict(request);
    } catch (error) {
      // The load will refuse it, and report why. On an error here, ModelMesh would log it and book this size.
      if (!(error instanceof RuntimeError) || spec.id === "") throw error;
      return this.#sizer.defaultBytes;
    }
  }

  size(id: string): number {
    return this.#directory.size(id);
  }

  async status(client: StatusClient = "modelmesh"): Promise<RuntimeStatus> {
    if (client === "modelmesh") this.#owner.noteMesh();
    if (!this.ready) return { ready: false };
    // The current models: loads that arrive during the purge belong to ModelMesh's new life.
    const old = [...this.#registry.all()].filter((record) => !record.pinned);
    if (old.length > 0 && !(await this.#purge(old))) return { ready: false };
    const options = this.#options;
    return {
      ready: true,
      capacityBytes:
        options.capacityBytes - Math.min(this.#directory.pinnedBytes, options.capacityBytes),
      maxLoadingConcurrency: options.loadingConcurrency,
      loadTimeoutMs: options.loadTimeoutMs,
      defaultModelBytes: options.defaultModelBytes,
      runtimeVersion: options.runtimeVersion,
      limitModelConcurrency: options.limitPerModelConcurrency > 0,
    };
  }

  isModelReady(id: string, version = ""): boolean {
    return this.#directory.isModelReady(id, version);
  }

  describe(id: string, version: string): ModelDescription {
    return this.#directory.describe(id, version);
  }

  config(id: string, version: string): ModelConfig {
    const keepsVectors = (this.#options.embeddingCacheBytes ?? 0) > 0;
    return this.#directory.config(id, version, { keepsVectors });
  }

  infer(id: string, request: InferenceRequest, signal: CancelSignal): Promise<InferenceResult> {
    let record: ModelRecord;
    try {
      signal.throwIfAborted();
      record = this.#directory.serving(id, request.version);
    } catch (reason) {
      return Promise.reject(reason);
    }
    return textFactsOf(record) === undefined
      ? runInference(record, request, { lifecycle: this.#lifecycle, signal })
      : this.#servedTexts.infer(record, request, signal);
  }

  async index(): Promise<ModelIndexEntry[]> {
    const missing = await this.#repository.unavailable(
      (id) => this.#registry.newest(id) !== undefined,
    );
    return this.#directory.index(missing);
  }

  statistics(id?: string, version?: string): ModelStatistics[] {
    return this.#directory.statistics(id, version);
  }

  async loadFromRepository(id: string, signal: CancelSignal): Promise<void> {
    this.#owner.refuseIfMeshOwns();
    await this.#repository.load(id, signal);
  }

  async unloadFromRepository(id: string): Promise<void> {
    this.#owner.refuseIfMeshOwns();
    await this.#repository.unload(id);
  }

  /** Loads all of the local repository and all named models. Returns one line for each model that did not load. */
  loadRepository(signal: CancelSignal): Promise<string[]> {
    return this.#repository.loadAll(signal).finally(() => {
      this.#firstPass.resolve();
      if (this.#phase.current !== "closed") this.#startPolling();
    });
  }

  #startPolling(): void {
    const isMeshs = this.#owner.current === "modelmesh";
    const obstacle = "ModelMesh owns the lifecycle (LIFECYCLE_OWNER=modelmesh)";
    const { repositoryPollMs = 0 } = this.#options;
    this.#repository.startPolling(repositoryPollMs, isMeshs ? obstacle : undefined);
  }

  /** Stops all loads at once and ends all models; inferences in flight may continue for `drainMs`. Nothing can
   *  be loaded afterwards. */
  async close(drainMs = 0): Promise<void> {
    this.#phase.enter("closed");
    this.#repository.close();
    await this.#loads.retireAll([...this.#registry.all()], closedError, drainMs);
  }

  /** Resolves with whether the purge finished within the time that a client should wait. */
  async #purge(records: readonly ModelRecord[]): Promise<boolean> {
    const reason = () => cancelled("the runtime was reset by runtimeStatus");
    const patience = new AbortController();
    const purged = this.#loads.retireAll(records, reason, purgeDrainMs).then(() => true);
    const waited = delay(statusPatienceMs, patience.signal).then(
      () => false,
      () => false,
    );
    const done = await Promise.race([purged, waited]);
    patience.abort();
    return done;
  }
}

import { Cancellation, type CancelSignal } from "../../base/cancel-signal.ts";
import type { RuntimeError } from "../../base/errors.ts";
import { defaultRunSettings, type RunSettings } from "../../config/run-settings.ts";
import type { LoadedModel, ModelSource } from "../../engine/contract/engine.ts";
import type { SignatureVerdict } from "../../signing/contract/signature-verdict.ts";
import { InferenceStatistics } from "../counts/inference-statistics.ts";
import type { ModelSeries } from "../counts/model-series.ts";
import { PhaseTimes } from "../counts/phase-times.ts";
import type { TrafficMeter } from "../counts/traffic-meter.ts";
import type { SignatureCheck } from "../signatures/signature-check.ts";
import { type ModelConfiguration, noConfiguration } from "./model-configuration.ts";
import type { ModelFaults } from "./model-faults.ts";
import { ModelLeases } from "./model-lease.ts";
import { labelOf } from "./model-name.ts";
import type { ModelPull } from "./model-pull.ts";
import type { ModelRequest } from "./model-spec.ts";
import { advance, type ModelState } from "./model-state.ts";

/** The phases in the life of a generation. "verify": of its signature. "queue": waiting for memory and a slot; "host": in the engine host,
 *  which ends with "warm-up". */
export type LifecyclePhase = "pull" | "verify" | "queue" | "host" | "warm-up" | "drain" | "free";

/** One generation of a model id: everything between a load and the end of its unload. Only data and legal
 *  steps; model-lifecycle.ts decides what happens when. */
export class ModelRecord {
  /** Increases with every load in this process, so that a late response is never mistaken for a newer load's. */
  readonly generation: number;
  readonly request: ModelRequest;
  /** Belongs to the local repository: a ModelMesh that requests our status does not own it. */
  readonly pinned: boolean;
  readonly createdAtMs = performance.now();
  /** When the load was requested, or the last host was lost: the start of a reload's duration. */
  loadSinceMs = this.createdAtMs;
  /** The times of its phases. */
  readonly times = new PhaseTimes<LifecyclePhase>();
  readonly leases = new ModelLeases();
  readonly statistics: InferenceStatistics;
  /** What the engine found on disk; set before the load is admitted. */
  source: ModelSource | undefined;
  /** Its pulled files, present or arriving; undefined for a model on the local disk. */
  pull: ModelPull | undefined;
  /** Of its signature; undefined if signatures are not checked. */
  check: SignatureCheck | undefined;
  /** What the check has found; undefined before. */
  signature: SignatureVerdict | undefined;
  /** Why its hosts died; undefined for the great majority, which have no faults. */
  faults: ModelFaults | undefined;
  /** Whether it has a host of its own because hosts died with it, which takes a host's memory in addition. */
  isIsolated = false;
  /** Whether it has one because a shared host could not give it the memory that it needs. */
  needsOwnHost = false;
  /** Its predicted memory, which its load reserves; set together with the source. */
  predictedBytes = 0;
  /** Set together with the source. */
  settings: RunSettings = defaultRunSettings;
  /** Set together with the source. */
  configuration: ModelConfiguration = noConfiguration;
  /** Resolves when this generation becomes ready for the first time; rejects if that never happens. */
  readonly firstReady = Promise.withResolvers<void>();
  /** Resolves when nothing of this generation is left in memory. Never rejects. */
  readonly gone = Promise.withResolvers<void>();
  /** Clients that wait for the load. The load stops when the last one leaves. */
  waiterCount = 0;

  readonly #abort = new Cancellation();
  readonly #onChange: (record: ModelRecord) => void;
  #state: ModelState = { tag: "queued" };
  #loaded: LoadedModel | undefined;
  #sizeBytes: number | undefined;
  #running = Promise.withResolvers<LoadedModel>();

  /** `traffic` counts the inferences of all models together, `series` those of this one. */
  constructor(
    options: {
      generation: number;
      request: ModelRequest;
      pinned: boolean;
      traffic: TrafficMeter;
      series: ModelSeries;
    },
    onChange: (record: ModelRecord) => void,
  ) {
    this.generation = options.generation;
    this.request = options.request;
    this.pinned = options.pinned;
    this.statistics = new InferenceStatistics(options.traffic, options.series);
    this.#onChange = onChange;
    // These may reject before anything waits for them.
    this.firstReady.promise.catch(() => {});
    this.#running.promise.catch(() => {});
  }

  get id(): string {
    return this.request.spec.id;
  }

  /** The id for messages and logs. */
  get label(): string {
    return labelOf(this.id);
  }

  get state(): ModelState {
    return this.#state;
  }

  /** Whether there are files of its own, or may be, that `releaseFiles` removes. */
  get hasFiles(): boolean {
    return this.pull !== undefined || this.check !== undefined;
  }

  /** Resolves when what was pulled or copied for it is gone. Never rejects. Call it when the signal has aborted or the
   *  load has ended. */
  async releaseFiles(): Promise<void> {
    await Promise.all([this.check?.release(), this.pull?.release()]);
  }

  /** Aborts when this generation has to end: whatever the load is doing stops. */
  get signal(): CancelSignal {
    return this.#abort;
  }

  /** The model in its host, if it has one. */
  get loaded(): LoadedModel | undefined {
    return this.#loaded;
  }

  /** The size that clients were told; 0 before its load has ended. */
  get sizeBytes(): number {
    return this.#sizeBytes ?? 0;
  }

  /** The model in its host: now, or after a reload. Rejects when the generation ends. */
  whenRunning(): Promise<LoadedModel> {
    return this.#running.promise;
  }

  /** Whether a new request may use it, at once or after a reload. */
  get isServing(): boolean {
    return this.#state.tag === "ready" || this.#state.tag === "reloading";
  }

  get isComing(): boolean {
    return this.#state.tag === "queued" || this.#state.tag === "loading";
  }

  reserve(bytes: number): void {
    this.#move({ tag: "loading", reservedBytes: bytes });
  }

  /** The first `sizeBytes` is final: ModelMesh asks once, and counts with it from then on. */
  becomeReady(loaded: LoadedModel, sizeBytes: number): void {
    this.#loaded = loaded;
    this.#sizeBytes ??= sizeBytes;
    this.#move({ tag: "ready", sizeBytes: this.#sizeBytes });
    this.#running.resolve(loaded);
    this.firstReady.resolve();
  }

  loseHost(reason: RuntimeError): void {
    if (this.#state.tag !== "ready") return;
    this.#loaded = undefined;
    this.loadSinceMs = performance.now();
    this.#running = Promise.withResolvers();
    this.#running.promise.catch(() => {});
    this.#move({ tag: "reloading", sizeBytes: this.#state.sizeBytes, reason });
  }

  startDraining(): void {
    if (this.#state.tag !== "ready") return;
    this.#move({ tag: "draining", sizeBytes: this.#state.sizeBytes });
  }

  /** From draining, or from a load that is stopped: everything that waits gets `reason`. */
  startUnloading(bytes: number, reason: unknown): void {
    this.#move({ tag: "unloading", heldBytes: bytes, reason });
    this.#end(reason);
  }

  fail(reason: unknown): void {
    this.#move({ tag: "failed", reason });
    this.#end(reason);
  }

  #end(reason: unknown): void {
    this.#abort.abort(reason);
    this.firstReady.reject(reason);
    this.#running.reject(reason);
  }

  #move(to: ModelState): void {
    this.#state = advance(this.#state, to);
    this.#onChange(this);
  }
}

import { abortable, delay } from "../../base/abort.ts";
import { describeError, RuntimeError } from "../../base/errors.ts";
import type { Engine, LoadedModel } from "../../engine/contract/engine.ts";
import { FaultBook } from "./fault-book.ts";
import { LoadAttempts } from "./load-attempts.ts";
import { lateLoad } from "./load-limit.ts";
import type { LoadQueue } from "./load-queue.ts";
import type { LifecycleTracing } from "./load-tracing.ts";
import type { MemoryBudget } from "./memory-budget.ts";
import type { ModelFaults } from "./model-faults.ts";
import type { ModelRecord } from "./model-record.ts";
import type { ModelRegistry } from "./model-registry.ts";
import type { ModelSizer } from "./model-sizer.ts";
import { recordFacts } from "./record-facts.ts";
import { SourceFinder, type SourceParts } from "./source-finder.ts";
import { startServing } from "./start-serving.ts";

export interface LifecycleParts extends SourceParts {
  readonly engine: Engine;
  readonly registry: ModelRegistry;
  readonly budget: MemoryBudget;
  readonly queue: LoadQueue;
  readonly sizer: Pick<ModelSizer, "reservation" | "needsOwnHost" | "settle">;
  /** Undefined: no tracing. */
  readonly tracing?: LifecycleTracing | undefined;
  /** From the call to the point where we give up: slightly less than ModelMesh's own limit, so that it receives
   *  our reason instead of cancelling. */
  readonly loadLimitMs: number;
  /** How long inferences of a replaced model may continue. */
  readonly drainTimeoutMs: number;
}

/** Moves generations through their states: the only code that starts, stops and retires them. */
export class ModelLifecycle {
  readonly #parts: LifecycleParts;
  readonly #faults = new FaultBook();
  readonly #sources: SourceFinder;
  readonly #attempts: LoadAttempts;
  #onGivenUp: (record: ModelRecord, banMs: number) => void = () => {};

  constructor(parts: LifecycleParts) {
    this.#parts = parts;
    this.#sources = new SourceFinder(parts);
    this.#attempts = new LoadAttempts(parts);
  }

  /** Calls `listener`, the only one, when a model must not be loaded for `banMs`. */
  onGivenUp(listener: (record: ModelRecord, banMs: number) => void): void {
    this.#onGivenUp = listener;
  }

  /** Loads a new generation. `predecessors`, older generations of its id, are retired once it is clear that
   *  this one can be tried at all; until then they serve. With `isBeside` they serve until this one is ready, which
   *  takes memory for both, and go on serving if it fails. Never rejects: the outcome is in the record. */
  start(
    record: ModelRecord,
    predecessors: readonly ModelRecord[],
    isBeside = false,
  ): Promise<void> {
    return this.#traced("load", record, () => this.#start(record, predecessors, isBeside));
  }

  #traced(
    part: "load" | "reload" | "unload",
    record: ModelRecord,
    work: () => Promise<void>,
  ): Promise<void> {
    const { tracing } = this.#parts;
    return tracing === undefined ? work() : tracing.trace(part, record, work);
  }

  async #start(
    record: ModelRecord,
    predecessors: readonly ModelRecord[],
    isBeside: boolean,
  ): Promise<void> {
    const { engine, budget, queue, sizer, drainTimeoutMs } = this.#parts;
    const timer = this.#limitTime(record);
    const { type: modelType, path } = record.request.spec;
    this.#parts.log.debug({ ...recordFacts(record), modelType, path }, "load started");
    try {
      this.#faults.refuseBanned(record);
      // Abortable: a load that was stopped meanwhile must not continue and retire its predecessors.
      const source = await abortable(this.#sources.find(record), record.signal);
      const reservedBytes = sizer.reservation(record.request, source);
      if (reservedBytes > budget.capacityBytes) {
        throw budget.refusal(record.label, reservedBytes);
      }
      record.source = source;
      record.predictedBytes = reservedBytes;
      record.needsOwnHost = sizer.needsOwnHost(record.request, source);
      const replaced = () =>
        new RuntimeError(
          "cancelled",
          `model '${record.label}' was replaced by a newer load with another path, type or key`,
        );
      const replace = () =>
        predecessors.map((older) => this.retire(older, replaced, drainTimeoutMs));
      if (!isBeside) await abortable(Promise.all(replace()), record.signal);
      await abortable(engine.ready, record.signal);
      const leave = await record.times.measure("queue", () =>
        queue.enter({
          modelId: record.label,
          bytes: reservedBytes,
          onAdmit: () => record.reserve(reservedBytes),
          signal: record.signal,
        }),
      );
      this.#parts.log.debug(
        {
          ...recordFacts(record),
          reservedBytes,
          queueMs: record.times.durationMs("queue"),
        },
        "load admitted",
      );
      try {
        await this.#serve(record, await this.#attempts.load(record, source));
        // New requests go to the newer one as soon as it is ready.
        if (isBeside) replace();
      } finally {
        leave();
      }
    } catch (reason) {
      this.#settle(record, reason);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends a generation in any state, and resolves when its memory is free. Idempotent. `reason` is created only
   *  for those who wait for a load. `drainMs`: how long inferences in flight may continue. */
  retire(record: ModelRecord, reason: () => RuntimeError, drainMs: number): Promise<void> {
    const { state } = record;
    switch (state.tag) {
      case "queued":
        record.fail(reason());
        this.#parts.log.info(
          { ...recordFacts(record), reason: describeError(record.signal.reason) },
          "load dropped from the queue",
        );
        this.#remove(record);
        break;
      case "loading":
        record.startUnloading(state.reservedBytes, reason());
        break;
      case "reloading":
        record.startUnloading(state.sizeBytes, reason());
        break;
      case "ready":
        record.startDraining();
        this.#parts.log.debug(
          { ...recordFacts(record), inferenceCount: record.leases.count },
          "unload started",
        );
        void this.#traced("unload", record, () => this.#drain(record, state.sizeBytes, drainMs));
        break;
      case "draining":
      case "unloading":
      case "failed":
        break;
    }
    return record.gone.promise;
  }

  /** The host of `loaded` died. Loads the model again, once per loss. */
  recover(record: ModelRecord, loaded: LoadedModel, loss: RuntimeError): void {
    if (record.loaded !== loaded || record.state.tag !== "ready") return;
    this.#parts.log.warn({ ...recordFacts(record), reason: loss.message }, "model lost its host");
    record.loseHost(loss);
    this.#faults.noteLoss(record, loss);
    if (record.faults?.isHopeless === true) this.#giveUp(record, record.faults);
    else void this.#traced("reload", record, () => this.#reload(record));
  }

  /** The next request gets NOT_FOUND, since the model is not here; the next load reports why. */
  #giveUp(record: ModelRecord, faults: ModelFaults): void {
    faults.ban(performance.now());
    this.#onGivenUp(record, faults.bannedForMs(performance.now()));
    const message = `model '${record.label}' was given up: its hosts die when it runs, the last time because ${faults.lastReason}`;
    this.#settle(record, new RuntimeError("host-lost", message));
  }

  async #serve(record: ModelRecord, loaded: LoadedModel): Promise<void> {
    await startServing(record, loaded, this.#parts);
    void loaded.lost.then((loss) => this.recover(record, loaded, loss));
  }

  async #reload(record: ModelRecord): Promise<void> {
    const timer = this.#limitTime(record);
    try {
      const { source } = record;
      if (source === undefined) throw new Error("a model that was ready has a source");
      const { pauseMs = 0 } = record.faults ?? {};
      if (pauseMs > 0) await delay(pauseMs, record.signal);
      await this.#serve(record, await this.#attempts.load(record, source));
    } catch (reason) {
      this.#settle(record, reason);
    } finally {
      clearTimeout(timer);
    }
  }

  async #drain(record: ModelRecord, sizeBytes: number, drainMs: number): Promise<void> {
    const { loaded, times } = record;
    const idle = record.leases.idle();
    if (record.leases.count > 0) {
      const limit = new AbortController();
      const late = delay(drainMs, limit.signal).catch(() => {});
      await times.measure("drain", () => Promise.race([idle, late]));
      limit.abort();
    }
    const abortedRuns = record.leases.count;
    const aborted = new RuntimeError("aborted", `model '${record.label}' was unloaded`);
    record.startUnloading(sizeBytes, aborted);
    await times.measure("free", async () => {
      await loaded?.unload();
      await record.releaseFiles();
    });
    this.#parts.registry.remove(record);
    this.#parts.log.info(
      {
        ...recordFacts(record),
        sizeBytes,
        abortedRuns,
        drainMs: times.durationMs("drain") ?? 0,
        freeMs: times.durationMs("free"),
      },
      "model unloaded",
    );
  }

  /** A load or reload has ended without a model; by contract nothing of it is left in the engine. */
  #settle(record: ModelRecord, cause: unknown): void {
    // A queued generation that was retired has already been removed.
    if (record.state.tag === "failed") return;
    if (record.state.tag !== "unloading") record.fail(cause);
    this.#remove(record);
    const loadMs = Math.round(performance.now() - record.loadSinceMs);
    const reason = describeError(record.signal.reason);
    this.#parts.log.warn({ ...recordFacts(record), loadMs, reason }, "model not loaded");
  }

  /** Forgets a generation of which only files are left, once those are gone. */
  #remove(record: ModelRecord): void {
    const { registry } = this.#parts;
    if (!record.hasFiles) registry.remove(record);
    else void record.releaseFiles().then(() => registry.remove(record));
  }

  #limitTime(record: ModelRecord): NodeJS.Timeout {
    const limitMs = this.#parts.loadLimitMs;
    return setTimeout(() => {
      const reason = () => lateLoad(record, limitMs);
      void this.retire(record, reason, 0);
    }, limitMs);
  }
}

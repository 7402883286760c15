import { LoaderSlots } from "./loader-slots.ts";
import { MemoryAccounts } from "./memory-accounts.ts";
import type { MeshBooks } from "./mesh-books.ts";
import type { MeshClock } from "./mesh-clock.ts";
import { LoadFailure, type ModelInfo, ModelLoads } from "./model-loads.ts";
import type { RuntimeChannel } from "./runtime-channel.ts";
import { type RuntimeParameters, toUnits } from "./runtime-parameters.ts";
import { within } from "./until-aborted.ts";

/** One model in the cache of a ModelMesh, from the first request for it until it is unloaded. */
export interface CacheEntry {
  readonly id: string;
  readonly info: ModelInfo;
  state: "queued" | "waiting" | "loading" | "sizing" | "active" | "failed" | "removed";
  units: number;
  /** Bytes that the runtime has told; 0 before. */
  sizeBytes: number;
  /** When it was last asked for, by ModelMesh's clock. */
  usedMs: number;
  /** Inferences in the runtime. */
  inFlight: number;
  /** Aborts whatever the entry is waiting for. */
  readonly leave: AbortController;
  /** Settles when the model can be used, or cannot. */
  readonly usable: PromiseWithResolvers<void>;
}

export interface ModelCacheParts {
  readonly channel: RuntimeChannel;
  readonly parameters: RuntimeParameters;
  readonly clock: MeshClock;
  readonly books: MeshBooks;
  /** The churn guard: no model is evicted that was used more recently than this. 0 turns it off. */
  readonly minChurnAgeMs: number;
}

/** ModelMesh refuses a load for which it would have to evict what was used a moment ago. No fault of the
 *  model, which is tried again on the next request. */
export class ChurnRefusal extends Error {}

type Departure = "evicted" | "removed";

const predictLimitMs = 500;
const sizeLimitMs = 30_000;
const spaceLimitMs = 180_000;
/** From a cancelled or failed load to its unload. */
const unloadAfterMs = { evicted: 500, removed: 3000, timeout: 3000, error: 1000, sizing: 1500 };
const firstDrainMs = 200;
const drainStepsMs = [1000, 2000, 4000, 8000, 16_000, 32_000, 64_000];

/** What ModelMesh calls its cache: loads models on demand, evicts the least recently used, and unloads
 *  with the pauses that a runtime gets to see. */
export class ModelCache {
  readonly accounts: MemoryAccounts<CacheEntry>;
  readonly loads: ModelLoads;
  readonly #parts: ModelCacheParts;
  readonly #entries = new Map<string, CacheEntry>();
  readonly #slots: LoaderSlots;
  /** Loads and unloads on their way. */
  readonly #tasks = new Set<Promise<void>>();
  readonly #shutdown = new AbortController();
  #predicts = true;

  constructor(parts: ModelCacheParts) {
    const { channel, parameters } = parts;
    this.#parts = parts;
    this.accounts = new MemoryAccounts(parameters.capacityUnits, parameters.unloadBufferUnits);
    this.loads = new ModelLoads(channel, parts);
    this.#slots = new LoaderSlots(parameters.loadingConcurrency);
  }

  get entries(): readonly CacheEntry[] {
    return [...this.#entries.values()];
  }

  get taskCount(): number {
    return this.#tasks.size;
  }

  /** The entry of this model, which is loaded if it has none. */
  entry(id: string, info: ModelInfo): CacheEntry {
    const known = this.#entries.get(id);
    if (known !== undefined) {
      known.usedMs = this.#parts.clock.nowMs();
      this.accounts.touch(known);
      return known;
    }
    const entry: CacheEntry = {
      id,
      info,
      state: "queued",
      units: this.#parts.parameters.defaultUnits,
      sizeBytes: 0,
      usedMs: this.#parts.clock.nowMs(),
      inFlight: 0,
      leave: new AbortController(),
      usable: Promise.withResolvers<void>(),
    };
    entry.usable.promise.catch(() => {});
    this.#entries.set(id, entry);
    this.#track(this.#load(entry));
    return entry;
  }

  /** Takes a model out, if it is in, and unloads it. */
  remove(id: string, why: Departure = "removed"): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    this.#entries.delete(id);
    const { state } = entry;
    entry.state = "removed";
    entry.usable.reject(new LoadFailure(`model ${id} was ${why}`));
    entry.leave.abort();
    if (state === "queued" || state === "waiting") this.accounts.drop(entry);
    else if (state === "loading") this.#track(this.#unload(entry, unloadAfterMs[why]));
    else if (state === "sizing") this.#track(this.#unload(entry, unloadAfterMs.sizing));
    else this.#track(this.#drainAndUnload(entry));
  }

  /** The runtime says that it does not know the model of this entry. */
  forget(entry: CacheEntry, sharesChannel: boolean): void {
    if (this.#entries.get(entry.id) !== entry) return;
    this.#entries.delete(entry.id);
    entry.state = "removed";
    if (sharesChannel) {
      this.accounts.drop(entry);
      this.loads.forget(entry.id);
    } else {
      this.#track(this.#unload(entry, 0));
    }
  }

  /** As when ModelMesh ends: loads are cancelled, and nothing is unloaded. */
  async shutdown(): Promise<void> {
    this.#shutdown.abort();
    for (const entry of this.#entries.values()) {
      entry.leave.abort();
      entry.usable.reject(new LoadFailure("ModelMesh is shutting down"));
    }
    await Promise.allSettled(this.#tasks);
  }

  async #load(entry: CacheEntry): Promise<void> {
    const { parameters } = this.#parts;
    const { signal } = entry.leave;
    try {
      entry.units = await this.#predictUnits(entry);
      signal.throwIfAborted();
      if (entry.units > this.accounts.cacheUnits) {
        throw new LoadFailure(`model ${entry.id} does not fit: ${entry.units} units`);
      }
      this.accounts.hold(entry);
      this.#guardAgainstChurn(entry);
      this.#evictFor(entry);
      const release = await this.#slots.take(signal);
      try {
        // Removed in the very moment in which it got the slot.
        signal.throwIfAborted();
        entry.state = "waiting";
        await within(spaceLimitMs, signal, (limited) => this.accounts.space(entry, limited));
        signal.throwIfAborted();
        entry.state = "loading";
        const { id, info } = entry;
        entry.sizeBytes = await within(parameters.loadTimeoutMs, signal, (limited) =>
          this.loads.load({ id, info, owner: entry, signal: limited }),
        );
        signal.throwIfAborted();
        await this.#measure(entry);
      } finally {
        release();
      }
    } catch (reason) {
      this.#settleFailed(entry, reason);
    }
  }

  async #predictUnits({ id, info, leave }: CacheEntry): Promise<number> {
    const { channel, parameters } = this.#parts;
    if (!this.#predicts) return parameters.defaultUnits;
    const answer = await channel.manage<{ sizeInBytes: string }>(
      "predictModelSize",
      { modelId: id, modelType: info.type, modelPath: info.path, modelKey: info.key ?? "" },
      { timeoutMs: predictLimitMs, signal: leave.signal },
    );
    if (answer.code === "UNIMPLEMENTED") this.#predicts = false;
    if (answer.code !== "OK") return parameters.defaultUnits;
    const units = toUnits(Number(answer.message.sizeInBytes));
    // One unit is taken, but then a failed load is never cleaned up.
    if (units < 2) this.#parts.books.breach(`predictModelSize of ${id} says ${units} unit`);
    return units;
  }

  async #measure(entry: CacheEntry): Promise<void> {
    const { channel, books } = this.#parts;
    if (entry.sizeBytes === 0) {
      entry.state = "sizing";
      entry.usable.resolve();
      const answer = await channel.manage<{ sizeInBytes: string }>(
        "modelSize",
        { modelId: entry.id },
        { timeoutMs: sizeLimitMs, signal: entry.leave.signal },
      );
      entry.leave.signal.throwIfAborted();
      if (answer.code === "OK") entry.sizeBytes = Number(answer.message.sizeInBytes);
      if (entry.sizeBytes === 0) books.breach(`${entry.id} is loaded and has no size`);
    }
    if (entry.sizeBytes > 0) this.accounts.resize(entry, toUnits(entry.sizeBytes));
    entry.state = "active";
    entry.usable.resolve();
    // More than predicted is room that others have to make.
    this.#evictFor(entry);
  }

  /** A load that ended without a model, unless `remove` has seen to it already. */
  #settleFailed(entry: CacheEntry, reason: unknown): void {
    if (entry.leave.signal.aborted) return;
    const timedOut = entry.state === "loading" && !(reason instanceof LoadFailure);
    const limitS = this.#parts.parameters.loadTimeoutMs / 1000;
    const failure = timedOut ? new LoadFailure(`timed out after ${limitS}s`) : reason;
    if (this.#entries.get(entry.id) === entry) this.#entries.delete(entry.id);
    const { state } = entry;
    entry.state = "failed";
    entry.usable.reject(failure);
    if (state === "loading") {
      this.#track(this.#unload(entry, timedOut ? unloadAfterMs.timeout : unloadAfterMs.error));
    } else {
      this.accounts.drop(entry);
    }
  }

  #guardAgainstChurn(newest: CacheEntry): void {
    const { clock, minChurnAgeMs, books } = this.#parts;
    const [oldest] = this.accounts.surplus(newest);
    if (oldest === undefined || clock.nowMs() - oldest.usedMs >= minChurnAgeMs) return;
    books.churnRefusals++;
    throw new ChurnRefusal("Cache churn threshold exceeded");
  }

  #evictFor(newest: CacheEntry): void {
    for (const { id } of this.accounts.surplus(newest)) {
      this.#parts.books.evictions++;
      this.remove(id, "evicted");
    }
  }

  async #drainAndUnload(entry: CacheEntry): Promise<void> {
    const { clock } = this.#parts;
    this.accounts.startUnload(entry);
    try {
      await clock.delay(firstDrainMs, this.#shutdown.signal);
      for (const ms of drainStepsMs) {
        if (entry.inFlight === 0) break;
        await clock.delay(ms, this.#shutdown.signal);
      }
    } catch {
      return;
    }
    await this.#unloadNow(entry);
  }

  async #unload(entry: CacheEntry, afterMs: number): Promise<void> {
    this.accounts.startUnload(entry);
    try {
      await this.#parts.clock.delay(afterMs, this.#shutdown.signal);
    } catch {
      return;
    }
    await this.#unloadNow(entry);
  }

  async #unloadNow(entry: CacheEntry): Promise<void> {
    const freed = await this.loads.unload(entry.id, entry);
    if (!freed) this.#parts.books.breach(`${entry.id} could not be unloaded`);
    this.accounts.endUnload(entry, freed);
  }

  #track(task: Promise<void>): void {
    this.#tasks.add(task);
    void task.finally(() => this.#tasks.delete(task));
  }
}

import { describeError } from "../../base/errors.ts";
import type { EngineLog } from "../contract/engine-log.ts";
import type { EngineHost } from "./engine-host.ts";

export interface HostRecyclerOptions {
  /** What a shared host may waste; 0: unlimited. */
  readonly maxWasteBytes: number;
  /** Time between two checks, in milliseconds. */
  readonly intervalMs: number;
  readonly log: EngineLog;
}

/** The part of the pool that the recycler needs. */
export interface RecyclablePool {
  sharedHosts(): readonly EngineHost[];
  /** Replaces a shared host, which takes no more models and is ended once it is empty, and returns its
   *  replacement. Undefined if none is available at the moment. */
  replace(host: EngineHost): EngineHost | undefined;
  /** `isEmpty`: ends the host; otherwise it takes models again. */
  finish(host: EngineHost, isEmpty: boolean): void;
}

/** The waste must be found at this many checks in a row. Memory of runs is not waste, and hosts give it back:
 *  if a run is in progress at the check, more checks are needed. */
const looksAtRest = 2;
const looksAtRuns = 6;

/** Pauses after a recycling, in checks: waste that returns at once must not keep the hosts busy. */
const firstPauseLooks = 12;
const mostPauseLooks = 720;

/** Checks shared hosts' memory from time to time, and moves the models of one that keeps wasting much to a
 *  fresh host: allocators keep small free blocks, and sessions' arenas keep what their biggest run has
 *  taken. */
export class HostRecycler {
  readonly #options: HostRecyclerOptions;
  readonly #pool: RecyclablePool;
  readonly #timer: NodeJS.Timeout | undefined;
  /** The host over the limit at the last check, and at how many checks in a row. */
  #suspects = new Map<EngineHost, number>();
  #isBusy = false;
  #isClosed = false;
  /** Checks until the next recycling, and that count's initial value. */
  #pause = 0;
  #lastPause = 0;

  constructor(pool: RecyclablePool, options: HostRecyclerOptions) {
    this.#pool = pool;
    this.#options = options;
    if (options.maxWasteBytes === 0) return;
    this.#timer = setInterval(() => void this.#look(), options.intervalMs);
    this.#timer.unref();
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    if (this.#isBusy) return;
    this.#isBusy = true;
    this.#pause--;
    try {
      await this.#recycleOne();
    } finally {
      this.#isBusy = false;
    }
  }

  /** At most one at a time: for a while its models are in memory twice. */
  async #recycleOne(): Promise<void> {
    const before = this.#suspects;
    this.#suspects = new Map();
    for (const host of this.#pool.sharedHosts()) {
      const wasteBytes = (await host.wasteBytes()) ?? 0;
      if (this.#isClosed) return;
      if (wasteBytes <= this.#options.maxWasteBytes) continue;
      const looks = (before.get(host) ?? 0) + 1;
      this.#suspects.set(host, looks);
      if (looks < (host.isAtRun ? looksAtRuns : looksAtRest) || this.#pause > 0) continue;
      // A failed recycling did not help either: the next check tries again.
      if (!(await this.#recycle(host, wasteBytes))) return;
      // Waste that returns at once is what its models take for their runs.
      const isBack = this.#pause > -this.#lastPause;
      this.#lastPause = isBack ? Math.min(mostPauseLooks, 2 * this.#lastPause) : firstPauseLooks;
      this.#pause = this.#lastPause;
      return;
    }
  }

  /** Resolves with whether its models have moved. */
  async #recycle(host: EngineHost, wasteBytes: number): Promise<boolean> {
    const { log } = this.#options;
    const successor = this.#pool.replace(host);
    if (successor === undefined) return false;
    const facts = { hostPid: host.process.pid, successorPid: successor.process.pid, wasteBytes };
    const startMs = performance.now();
    let isEmpty = false;
    try {
      // Loads that were in progress when the host was replaced finish in it first.
      while (host.committedBytes > 0) {
        await successor.adoptFrom(host, { isBusy: false });
        if (host.committedBytes > 0) await pause(this.#options.intervalMs);
      }
      isEmpty = true;
      const tookMs = Math.round(performance.now() - startMs);
      log.info({ ...facts, tookMs }, "engine host recycled");
    } catch (error) {
      if (!this.#isClosed) {
        log.warn({ ...facts, reason: describeError(error) }, "engine host was not recycled");
      }
    } finally {
      this.#pool.finish(host, isEmpty);
    }
    return isEmpty;
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}

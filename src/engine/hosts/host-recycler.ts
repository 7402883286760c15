import { describeError } from "../../base/errors.ts";
import type { EngineLog } from "../contract/engine-log.ts";
import type { EngineHost } from "./engine-host.ts";

export interface HostRecyclerOptions {
  /** What a shared host may waste; 0: any amount. */
  readonly maxWasteBytes: number;
  /** Between two looks, in milliseconds. */
  readonly intervalMs: number;
  readonly log: EngineLog;
}

/** The part of the pool that the recycler needs. */
export interface RecyclablePool {
  sharedHosts(): readonly EngineHost[];
  /** A shared host that takes no more models, and is ended when it has none, has another one here in its
   *  place: that one. Undefined if there is none at the moment. */
  replace(host: EngineHost): EngineHost | undefined;
  /** `isEmpty`: ends the host; else it takes models again. */
  finish(host: EngineHost, isEmpty: boolean): void;
}

/** So many looks in a row must find the waste. What a run takes is none, and hosts give it back: where one is under way at
 *  the look, more are needed. */
const looksAtRest = 2;
const looksAtRuns = 6;

/** Pauses after a recycling, in looks: what wastes memory again at once must not keep the hosts busy. */
const firstPauseLooks = 12;
const mostPauseLooks = 720;

/** Looks at the memory of shared hosts from time to time, and has the models of one that keeps wasting much
 *  move to a fresh host: allocators keep small blocks that are free, and the arenas of sessions keep what
 *  their biggest run has taken. */
export class HostRecycler {
  readonly #options: HostRecyclerOptions;
  readonly #pool: RecyclablePool;
  readonly #timer: NodeJS.Timeout | undefined;
  /** Over the limit at the last look, and at how many in a row. */
  #suspects = new Map<EngineHost, number>();
  #isBusy = false;
  #isClosed = false;
  /** Looks until the next recycling, and what that was when it was set. */
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
      // What did not happen did not help, either: the next look tries again.
      if (!(await this.#recycle(host, wasteBytes))) return;
      // A waste that comes back at once is what its models take for their runs.
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
      // Loads that were on their way when it was replaced end there first.
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

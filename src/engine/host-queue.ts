import { RuntimeError } from "../errors.ts";

/** One run, as its model asks for it. */
export interface QueuedRun<T> {
  /** The model; `cancel` and `front` know its runs by it. */
  readonly owner: object;
  readonly signal: AbortSignal;
  /** Sends the run to the host. Called at most once, and not after `signal` aborted. */
  start(): Promise<T>;
}

export interface QueueLimits {
  /** Runs sent ahead whatever they take. */
  readonly minAhead: number;
  /** Runs that wait here. */
  readonly maxWaiting: number;
}

export interface FrontRun {
  readonly owner: object;
  /** Whether anybody still waits for its result. */
  isWanted: boolean;
}

interface WaitingRun extends FrontRun {
  sentMs: number;
  begin(): void;
  reject(reason: unknown): void;
}

interface WaitingLoad {
  begin(): void;
}

/** A millisecond's worth of short runs may be sent ahead: then several share one write on either side,
 *  which costs more than a short run does. Models whose runs are not known to be short get the least. */
const maxAheadMs = 1;
const maxAheadRuns = 32;

/** The work of one host, kept here until the host can take it up: what the host has not got can still be
 *  withdrawn. Few runs are sent ahead, so that the host never waits for the server between two; a load
 *  is sent only to a host with nothing else to do. Loads and runs take turns. */
export class HostQueue {
  readonly #now: () => number;
  readonly #minAhead: number;
  readonly #maxWaiting: number;
  // Sets keep the order of insertion and give up any member at once.
  readonly #runs = new Set<WaitingRun>();
  readonly #loads = new Set<WaitingLoad>();
  /** In the host, oldest first. The oldest is the one that executes. */
  readonly #sent = new Set<WaitingRun>();
  /** Model -> how long one of its runs keeps the host, on average, in milliseconds. */
  readonly #runMs = new WeakMap<object, number>();
  #lastAnswerMs = 0;
  #isLoading = false;
  #turn: "loads" | "runs" = "loads";

  constructor(limits: QueueLimits, now = () => performance.now()) {
    this.#now = now;
    this.#minAhead = limits.minAhead;
    this.#maxWaiting = limits.maxWaiting;
  }

  /** The run that the host executes, as far as is known here. */
  get front(): FrontRun | undefined {
    return first(this.#sent);
  }

  /** Runs that the host has not got: of `owner`, or all. */
  waitingRuns(owner?: object): number {
    if (owner === undefined) return this.#runs.size;
    let count = 0;
    for (const run of this.#runs) if (run.owner === owner) count++;
    return count;
  }

  /** Rejects with the signal's reason as soon as it aborts, whether or not the host has the run;
   *  with "overloaded" if too many wait; else settles as `start` does. */
  run<T>({ owner, signal, start }: QueuedRun<T>): Promise<T> {
    if (signal.aborted) return Promise.reject(signal.reason);
    if (this.#runs.size >= this.#maxWaiting) {
      return Promise.reject(
        new RuntimeError("overloaded", `${this.#maxWaiting} inferences wait for this host already`),
      );
    }
    return new Promise<T>((resolve, reject) => {
      const finish = () => signal.removeEventListener("abort", abort);
      const run: WaitingRun = {
        owner,
        isWanted: true,
        sentMs: 0,
        begin: () => {
          settled(start)
            .then(resolve, reject)
            .finally(() => {
              finish();
              this.#sent.delete(run);
              this.#learn(run);
              this.#pump();
            });
        },
        reject: (reason) => {
          finish();
          reject(reason);
        },
      };
      const abort = () => {
        // A late answer to a run in the host finds the promise settled, which is how it is discarded.
        run.isWanted = false;
        this.#runs.delete(run);
        reject(signal.reason);
      };
      signal.addEventListener("abort", abort, { once: true });
      this.#runs.add(run);
      this.#pump();
    });
  }

  /** Rejects with the signal's reason if that aborts before `start` was called; else settles as `start`
   *  does, whatever becomes of the signal. No other load or run is in the host meanwhile. */
  load<T>(start: () => Promise<T>, signal: AbortSignal): Promise<T> {
    if (signal.aborted) return Promise.reject(signal.reason);
    return new Promise<T>((resolve, reject) => {
      const load: WaitingLoad = {
        begin: () => {
          signal.removeEventListener("abort", abort);
          settled(start)
            .then(resolve, reject)
            .finally(() => {
              this.#isLoading = false;
              this.#turn = "runs";
              this.#pump();
            });
        },
      };
      const abort = () => {
        this.#loads.delete(load);
        reject(signal.reason);
        // Runs may have been held back for this load.
        this.#pump();
      };
      signal.addEventListener("abort", abort, { once: true });
      this.#loads.add(load);
      this.#pump();
    });
  }

  /** Rejects the runs of `owner` that the host has not got. */
  cancel(owner: object, reason: RuntimeError): void {
    for (const run of this.#runs) {
      if (run.owner !== owner) continue;
      this.#runs.delete(run);
      run.reject(reason);
    }
  }

  #pump(): void {
    while (!this.#isLoading) {
      const loadIsNext = this.#loads.size > 0 && (this.#turn === "loads" || this.#runs.size === 0);
      if (loadIsNext) {
        if (this.#sent.size > 0) return;
        this.#isLoading = true;
        const load = first(this.#loads);
        if (load !== undefined) this.#loads.delete(load);
        load?.begin();
        return;
      }
      const run = first(this.#runs);
      if (run === undefined || !this.#hasRoomFor(run)) return;
      this.#runs.delete(run);
      // With a load waiting, one run ahead of it is what a turn of the runs comes to.
      this.#turn = "loads";
      this.#sent.add(run);
      run.sentMs = this.#now();
      run.begin();
    }
  }

  #hasRoomFor(run: WaitingRun): boolean {
    if (this.#sent.size < this.#minAhead) return true;
    if (this.#sent.size >= maxAheadRuns) return false;
    let aheadMs = this.#expectedMs(run);
    for (const sent of this.#sent) aheadMs += this.#expectedMs(sent);
    return aheadMs <= maxAheadMs;
  }

  #expectedMs({ owner }: WaitingRun): number {
    return this.#runMs.get(owner) ?? Number.POSITIVE_INFINITY;
  }

  /** From the answer to a run. The host had it since it was sent, or since it was done with the last. */
  #learn({ owner, sentMs }: WaitingRun): void {
    const nowMs = this.#now();
    const tookMs = nowMs - Math.max(sentMs, this.#lastAnswerMs);
    this.#lastAnswerMs = nowMs;
    const before = this.#runMs.get(owner) ?? tookMs;
    // One long run is reason enough to be careful; it takes many short ones to be so no longer.
    this.#runMs.set(owner, tookMs > maxAheadMs ? tookMs : before + (tookMs - before) / 8);
  }
}

/** What `start` comes to, also if it throws before it gives a promise. */
async function settled<T>(start: () => Promise<T>): Promise<T> {
  return await start();
}

function first<T>(set: ReadonlySet<T>): T | undefined {
  for (const member of set) return member;
  return undefined;
}

import type { CancelSignal } from "../../base/cancel-signal.ts";
import { LinkedQueue } from "../../base/linked-queue.ts";
import type { PartInLoss } from "../contract/host-lost-error.ts";

/** One model's waiting runs, as seen by its host's queue. */
export interface RunSource {
  readonly hasWaiting: boolean;
  /** How long its next run is expected to take in the host; Infinity if unknown. */
  readonly expectedMs: number;
  /** Whether waiting requests are joined into one run: then the longer they wait, the better. */
  readonly joins: boolean;
  /** Takes what is next. Undefined if nothing may be sent now; then the source offers itself again. */
  next(): HostRun | undefined;
}

/** What the host executes at once: one request or several. */
export interface HostRun {
  /** The model. */
  readonly owner: object;
  /** Whether any client still waits for a result. */
  readonly isWanted: boolean;
  /** How long it may take in the host; 0: unlimited. */
  readonly limitMs: number;
  /** Whether it has all the memory that runs may take. */
  readonly hasAll?: boolean;
  /** Rejects every client that waits for a result; afterwards the run is not wanted any more. */
  giveUp(reason: Error): void;
  /** Its host is killed because it grew by this much. */
  noteTaken?(bytes: number): void;
  /** Sends it. `done` is called once, as soon as the host has answered or is gone. */
  start(done: () => void): void;
}

export interface LastRun {
  readonly run: HostRun;
  readonly part: PartInLoss;
}

interface SentRun {
  readonly run: HostRun;
  readonly expectedMs: number;
}

interface WaitingLoad {
  begin(): void;
}

/** One run executes and one waits in the host's socket. */
const minAhead = 2;
/** A millisecond's worth of short runs may be sent ahead: then several share one write on either side, and a
 *  write costs more than a short run. */
const maxAheadMs = 1;
const maxAhead = 32;

/** One host's work, kept here until the host can start it: work that is not yet sent to the host can still be
 *  withdrawn, or joined. Few runs are sent ahead, so that the host never waits for the server between two; a
 *  load is sent only to a host with nothing else to do. Loads and runs take turns, and so do models: a flood
 *  of requests for one does not hold up the others. */
export class HostQueue {
  readonly #later: (callback: () => void) => void;
  // Sets keep insertion order and remove any member at once.
  /** The source whose turn it is comes first. */
  readonly #sources = new Set<RunSource>();
  readonly #loads = new Set<WaitingLoad>();
  /** Runs in the host. The oldest one executes. */
  readonly #sent = new LinkedQueue<SentRun>();
  /** What the host was executing when it died. */
  #last: LastRun | undefined;
  #isLoading = false;
  /** The load that the host is working on. */
  #loadSignal: CancelSignal | undefined;
  #turn: "loads" | "runs" = "loads";
  #isPumping = false;
  #willPump = false;

  /** `later` calls back when the input that has arrived by now is read. */
  constructor(later: (callback: () => void) => void = setImmediate) {
    this.#later = later;
  }

  /** The run that the host executes, as far as is known here. */
  get front(): HostRun | undefined {
    return this.#sent.first?.run;
  }

  /** How long `front` is expected to take in the host; Infinity if unknown. */
  get frontMs(): number {
    return this.#sent.first?.expectedMs ?? Number.POSITIVE_INFINITY;
  }

  /** Whether the host is working on a load that a client waits for. */
  get wantedLoad(): boolean {
    return this.#loadSignal?.aborted === false;
  }

  /** Whether the host is working on a load, or on releasing one that was given up. */
  get isLoading(): boolean {
    return this.#isLoading;
  }

  /** Whether the host has, or is about to get, work besides the current run. */
  get hasMore(): boolean {
    return this.#sent.size > 1 || this.#sources.size > 0 || this.#loads.size > 0;
  }

  /** The host has died. Returns what it was executing, and what `partOf` says about that. */
  noteDeath(partOf: (run: HostRun) => PartInLoss): LastRun | undefined {
    const run = this.front;
    this.#last = run && { run, part: partOf(run) };
    return this.#last;
  }

  /** What part `run`, which was sent, had in the death of the host. */
  partInDeath(run: HostRun): PartInLoss {
    return this.#last?.run === run ? this.#last.part : "bystander";
  }

  /** `source` has something to send. An idle host gets it at once; a busy one together with what else arrives
   *  in the same turn of the event loop: frames in one write, or one run. */
  offer(source: RunSource): void {
    this.#sources.add(source);
    if (this.#sent.size === 0) this.#pump();
    else if (this.#hasRoomFor(source)) this.#pumpLater();
  }

  /** Rejects with the signal's reason if that aborts before `start` was called; otherwise settles as `start`
   *  does, whatever becomes of the signal. No other load or run is in the host meanwhile. */
  load<T>(start: () => Promise<T>, signal: CancelSignal): Promise<T> {
    if (signal.aborted) return Promise.reject(signal.reason);
    return new Promise<T>((resolve, reject) => {
      const load: WaitingLoad = {
        begin: () => {
          signal.removeEventListener("abort", abort);
          this.#loadSignal = signal;
          settled(start)
            .then(resolve, reject)
            .finally(() => {
              this.#isLoading = false;
              this.#loadSignal = undefined;
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

  #pumpLater(): void {
    if (this.#willPump) return;
    this.#willPump = true;
    this.#later(() => {
      this.#willPump = false;
      this.#pump();
    });
  }

  #pump(): void {
    // The loop in progress notices a run that ends while it is being sent, and an offer made from inside.
    if (this.#isPumping) return;
    this.#isPumping = true;
    try {
      while (!this.#isLoading && this.#sendNext());
    } finally {
      this.#isPumping = false;
    }
  }

  /** Whether there may be more to send. */
  #sendNext(): boolean {
    const loadIsNext = this.#loads.size > 0 && (this.#turn === "loads" || this.#sources.size === 0);
    if (loadIsNext) {
      if (this.#sent.size > 0) return false;
      this.#isLoading = true;
      const load = first(this.#loads);
      if (load !== undefined) this.#loads.delete(load);
      load?.begin();
      return false;
    }
    const source = first(this.#sources);
    if (source === undefined || !this.#hasRoomFor(source)) return false;
    this.#sources.delete(source);
    const run = source.next();
    if (run === undefined) return true;
    if (source.hasWaiting) this.#sources.add(source);
    // With a load waiting, the runs' turn is one run ahead of it.
    this.#turn = "loads";
    this.#send(run, source.expectedMs);
    return true;
  }

  #send(run: HostRun, expectedMs: number): void {
    const place = this.#sent.add({ run, expectedMs });
    run.start(() => {
      place.leave();
      if (this.#sent.size === 0) this.#pump();
      else if (this.#sources.size > 0) this.#pumpLater();
    });
  }

  #hasRoomFor(source: RunSource): boolean {
    if (this.#sent.size < minAhead) return true;
    if (source.joins || this.#sent.size >= maxAhead) return false;
    let aheadMs = source.expectedMs;
    for (const { expectedMs } of this.#sent) aheadMs += expectedMs;
    return aheadMs <= maxAheadMs;
  }
}

/** The result of `start`, also if it throws before it returns a promise. */
async function settled<T>(start: () => Promise<T>): Promise<T> {
  return await start();
}

function first<T>(set: Iterable<T>): T | undefined {
  for (const member of set) return member;
  return undefined;
}

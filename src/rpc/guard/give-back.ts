import { type Collect, exposedCollector } from "./collector.ts";

/** What calls hold, in bytes. */
export interface CallBytes {
  /** Now. */
  readonly heldBytes: number;
  /** Taken since the start, whatever was given back of it. */
  readonly takenBytes: number;
}

export interface GiveBackOptions {
  readonly calls: CallBytes;
  /** Lets go of memory that is kept for the next call. */
  readonly letGo: () => void;
  /** Returns free memory of the allocator to the system, a while after a collection. */
  readonly trim?: (() => void) | undefined;
  /** Between two looks. Default: 5,000. */
  readonly intervalMs?: number;
  /** Default: V8's own. */
  readonly collect?: Collect;
}

/** V8 frees the large pieces in a thread of its own after a collection. */
const trimDelayMs = 1_000;
/** So much garbage of calls is worth a collection. */
const leastBytes = 16 * 1024 * 1024;
/** Of the most that calls took between two looks: with less, the burst is over. */
const quietShare = 1 / 16;

/** Gives the memory that calls have taken back to the system when they are over. V8 frees the large pieces, which
 *  lie outside of its heap, when it collects all of the heap, and a server with nothing to do never does. */
export class GiveBack {
  readonly #options: GiveBackOptions;
  readonly #collect: Collect;
  readonly #timer: NodeJS.Timeout;
  #lastBytes: number;
  /** Taken since the last collection; and the most of it between two looks. */
  #burstBytes = 0;
  #mostBytes = 0;

  constructor(options: GiveBackOptions) {
    this.#options = options;
    this.#collect = options.collect ?? exposedCollector();
    this.#lastBytes = options.calls.takenBytes;
    this.#timer = setInterval(() => this.#look(), options.intervalMs ?? 5_000).unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const { takenBytes, heldBytes } = this.#options.calls;
    const bytes = takenBytes - this.#lastBytes;
    this.#lastBytes = takenBytes;
    this.#burstBytes += bytes;
    this.#mostBytes = Math.max(this.#mostBytes, bytes);
    if (this.#burstBytes < leastBytes || bytes > this.#mostBytes * quietShare) return;
    // What calls still hold would stay, and nobody would look again.
    if (heldBytes >= leastBytes) return;
    this.#burstBytes = 0;
    this.#mostBytes = 0;
    this.#options.letGo();
    this.#collect({ type: "major" });
    const { trim } = this.#options;
    if (trim !== undefined) setTimeout(trim, trimDelayMs).unref();
  }
}

import { type Collect, exposedCollector } from "./collector.ts";

/** What calls hold, in bytes. */
export interface CallBytes {
  /** Bytes held now. */
  readonly heldBytes: number;
  /** Bytes taken since the start, including those given back. */
  readonly takenBytes: number;
}

export interface GiveBackOptions {
  readonly calls: CallBytes;
  /** Drops memory that is kept for the next call. */
  readonly letGo: () => void;
  /** Returns free memory of the allocator to the system, a while after a collection. */
  readonly trim?: (() => void) | undefined;
  /** Time between two checks. Default: 5,000. */
  readonly intervalMs?: number;
  /** Default: V8's own. */
  readonly collect?: Collect;
  /** Memory of this process. Default: what is resident. */
  readonly processBytes?: () => number;
}

/** V8 frees the large pieces in a thread of its own after a collection. */
const trimDelayMs = 1_000;
/** This much garbage from calls is worth a collection. */
const leastBytes = 16 * 1024 * 1024;
/** Share of the most that calls took between two checks: below it, the burst is over. */
const quietShare = 1 / 16;
/** This much growth of the process is worth one too, whatever took it: headers and connections are in no account. */
const grownBytes = 64 * 1024 * 1024;

/** Gives memory from calls back to the system when they are over. V8 frees large buffers, which are outside
 *  its heap, only in full collections, and an idle server never runs one. */
export class GiveBack {
  readonly #options: GiveBackOptions;
  readonly #collect: Collect;
  readonly #timer: NodeJS.Timeout;
  #lastBytes: number;
  /** Bytes taken since the last collection, and their maximum between two checks. */
  #burstBytes = 0;
  #mostBytes = 0;
  /** The process after the last collection; undefined until the check that follows it. */
  #restedBytes: number | undefined;

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
    const processBytes = (this.#options.processBytes ?? process.memoryUsage.rss)();
    this.#restedBytes ??= processBytes;
    const isOver = this.#burstBytes >= leastBytes && bytes <= this.#mostBytes * quietShare;
    const hasGrown = processBytes - this.#restedBytes >= grownBytes && bytes < leastBytes;
    if (!isOver && !hasGrown) return;
    // What calls still hold would stay, and no later check would free it.
    if (heldBytes >= leastBytes) return;
    this.#restedBytes = undefined;
    this.#burstBytes = 0;
    this.#mostBytes = 0;
    this.#options.letGo();
    this.#collect({ type: "major" });
    const { trim } = this.#options;
    if (trim !== undefined) setTimeout(trim, trimDelayMs).unref();
  }
}

import { type Collect, type Collection, exposedCollector } from "./collector.ts";

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
  /** CPU time of this process in milliseconds. Default: of all its threads. */
  readonly cpuMs?: () => number;
}

/** V8 frees the large pieces in a thread of its own after a collection. */
const trimDelayMs = 1_000;
/** This much garbage from calls is worth a collection. */
const leastBytes = 16 * 1024 * 1024;
/** Share of the most that calls took between two checks: below it, the burst is over. */
const quietShare = 1 / 16;
/** This much growth of the process is worth one too, whatever took it: headers and connections are in no
 *  account. */
const grownBytes = 32 * 1024 * 1024;
/** This much more than after the last collection must not wait until the process is idle, or for its turn: the
 *  container has no room for it. */
const urgentBytes = 48 * 1024 * 1024;
/** Share of the time between two checks that an idle process spends on its CPU at most. */
const idleShare = 1 / 2;
/** Collections because of growth before the growth counts as needed, and the pauses until the next attempt, in
 *  checks. */
const attempts: readonly Collection[] = [
  { type: "major" },
  // V8 keeps pages that have become free, and only this gives them back.
  { type: "major", flavor: "last-resort" },
];
const firstPauseLooks = 12;
const mostPauseLooks = 720;

/** Gives memory from calls back to the system when they are over. V8 frees large buffers, which are outside
 *  its heap, only in full collections, and an idle server never runs one. */
export class GiveBack {
  readonly #options: GiveBackOptions;
  readonly #collect: Collect;
  readonly #timer: NodeJS.Timeout;
  readonly #intervalMs: number;
  #lastBytes: number;
  /** Bytes taken since the last collection, and their maximum between two checks. */
  #burstBytes = 0;
  #mostBytes = 0;
  /** The least that the process took, at a check, without what calls held. */
  #leastProcessBytes = Number.POSITIVE_INFINITY;
  /** The same since the last collection because of growth. */
  #settledBytes = Number.POSITIVE_INFINITY;
  /** What it took at that collection, until the next check. */
  #collectedBytes: number | undefined;
  /** Consecutive collections because of urgent growth. */
  #urgentTries = 0;
  /** What it took at the last check. */
  #processBytes = 0;
  #lastCpuMs = 0;
  /** Consecutive collections because of growth. */
  #attempts = 0;
  /** Checks until the next one, and the length of the last pause. */
  #pauseLooks = 0;
  #lastPauseLooks = 0;

  constructor(options: GiveBackOptions) {
    this.#options = options;
    this.#collect = options.collect ?? exposedCollector();
    this.#lastBytes = options.calls.takenBytes;
    this.#intervalMs = options.intervalMs ?? 5_000;
    this.#timer = setInterval(() => this.#look(), this.#intervalMs).unref();
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
    const isOver = this.#burstBytes >= leastBytes && bytes <= this.#mostBytes * quietShare;
    const grown = this.#lookAtGrowth(heldBytes);
    // What calls still hold would stay, and no later check would free it.
    if (heldBytes >= leastBytes && grown !== "urgent") return;
    const ordinary: Collection | undefined = isOver ? { type: "major" } : undefined;
    const collection =
      (grown === "no" ? undefined : this.#forGrowth(grown === "urgent")) ?? ordinary;
    if (collection === undefined) return;
    this.#burstBytes = 0;
    this.#mostBytes = 0;
    this.#options.letGo();
    this.#collect(collection);
    const { trim } = this.#options;
    if (trim !== undefined) setTimeout(trim, trimDelayMs).unref();
  }

  /** How much more the process takes than it did; "no" also while it is too busy to see why. */
  #lookAtGrowth(heldBytes: number): "no" | "some" | "urgent" {
    const { processBytes = process.memoryUsage.rss, cpuMs = ownCpuMs } = this.#options;
    const bytes = processBytes() - heldBytes;
    const nowMs = cpuMs();
    const isIdle = nowMs - this.#lastCpuMs <= this.#intervalMs * idleShare;
    this.#lastCpuMs = nowMs;
    this.#processBytes = bytes;
    this.#leastProcessBytes = Math.min(this.#leastProcessBytes, bytes);
    this.#noteSettled(bytes);
    if (bytes - this.#settledBytes >= urgentBytes) return "urgent";
    const moreBytes = bytes - this.#leastProcessBytes;
    if (moreBytes >= grownBytes) return isIdle || moreBytes >= urgentBytes ? "some" : "no";
    this.#startAfresh();
    return "no";
  }

  #startAfresh(): void {
    this.#attempts = 0;
    this.#pauseLooks = 0;
    this.#lastPauseLooks = 0;
  }

  #noteSettled(bytes: number): void {
    if (this.#collectedBytes === undefined) {
      this.#settledBytes = Math.min(this.#settledBytes, bytes);
      return;
    }
    const isFreed = this.#collectedBytes - bytes >= grownBytes;
    // It was garbage, so the next growth may be garbage too.
    if (isFreed) this.#startAfresh();
    // The quick way did not help: it stays urgent.
    if (!isFreed && this.#urgentTries === 1) {
      this.#collectedBytes = undefined;
      return;
    }
    this.#urgentTries = 0;
    this.#settledBytes = bytes;
    this.#collectedBytes = undefined;
  }

  /** The collection that is worth trying now; undefined: those before have shown that the process needs what
   *  it takes, for now. */
  #forGrowth(isUrgent: boolean): Collection | undefined {
    if (!isUrgent && this.#pauseLooks > 0) {
      this.#pauseLooks--;
      return undefined;
    }
    this.#collectedBytes = this.#processBytes;
    if (isUrgent) return attempts[this.#urgentTries++];
    const attempt = attempts[this.#attempts];
    this.#attempts++;
    if (this.#attempts >= attempts.length) {
      this.#attempts = 0;
      const longer = Math.max(firstPauseLooks, 2 * this.#lastPauseLooks);
      this.#lastPauseLooks = Math.min(mostPauseLooks, longer);
      this.#pauseLooks = this.#lastPauseLooks;
    }
    return attempt;
  }
}

function ownCpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

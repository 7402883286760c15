/** The past counts for less with every departure. */
const memory = 15 / 16;
/** A single long stop, such as a load in the same host, says little about the pace. */
const maxSlowdown = 8;

/** How fast requests leave a queue, from departures while others waited, whatever they wait for: their own
 *  model, the neighbours' turns, or other load on the machine. Times in milliseconds of one monotonic
 *  clock. */
export class QueuePace {
  #timeMs = 0;
  #count = 0;
  #lastMs: number | undefined;

  /** Per request; undefined as long as nothing is known. */
  get msPerRequest(): number | undefined {
    return this.#count > 0 ? this.#timeMs / this.#count : undefined;
  }

  /** `count` requests left together; `isBacklogged` says whether others stay behind. */
  noteDeparture(count: number, isBacklogged: boolean, nowMs: number): void {
    if (this.#lastMs !== undefined) {
      const known = this.msPerRequest;
      const mostMs = known ? known * count * maxSlowdown : Number.POSITIVE_INFINITY;
      this.#timeMs = this.#timeMs * memory + Math.min(nowMs - this.#lastMs, mostMs);
      this.#count = this.#count * memory + count;
    }
    // Without a backlog the next departure shows when a request came, not how fast they leave.
    this.#lastMs = isBacklogged ? nowMs : undefined;
  }

  /** The queue is empty, whether or not the last one departed. */
  noteEmpty(): void {
    this.#lastMs = undefined;
  }
}

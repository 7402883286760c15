/** The past counts for less with every departure. */
const memory = 15 / 16;
/** One long stop, for a load in the same host for example, says little of the pace. */
const maxSlowdown = 8;

/** How fast requests leave a queue, from the departures while others waited: whatever it is that they wait
 *  for, be it their own model, the neighbours' turns or a machine that others use. Times in milliseconds
 *  of one monotonic clock. */
export class QueuePace {
  #timeMs = 0;
  #count = 0;
  #lastMs: number | undefined;

  /** For each request; undefined as long as nothing is known. */
  get msPerRequest(): number | undefined {
    return this.#count > 0 ? this.#timeMs / this.#count : undefined;
  }

  /** `count` requests left together, and `isBacklogged` says whether others stay behind. */
  noteDeparture(count: number, isBacklogged: boolean, nowMs: number): void {
    if (this.#lastMs !== undefined) {
      const known = this.msPerRequest;
      const mostMs = known ? known * count * maxSlowdown : Number.POSITIVE_INFINITY;
      this.#timeMs = this.#timeMs * memory + Math.min(nowMs - this.#lastMs, mostMs);
      this.#count = this.#count * memory + count;
    }
    // Without a backlog the next departure tells when a request came, not how fast they leave.
    this.#lastMs = isBacklogged ? nowMs : undefined;
  }

  /** Nothing waits, whether or not it departed. */
  noteEmpty(): void {
    this.#lastMs = undefined;
  }
}

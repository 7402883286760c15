interface Second {
  readonly startMs: number;
  passed: number;
  dropped: number;
}

/** Lets a limited number of lines of each kind through per second and counts the others: under overload, a line
 *  per refusal costs more than the refusal itself. */
export class LogSampler {
  readonly #maxPerSecond: number;
  readonly #now: () => number;
  readonly #seconds = new Map<string, Second>();

  constructor(maxPerSecond = 10, now = () => performance.now()) {
    this.#maxPerSecond = maxPerSecond;
    this.#now = now;
  }

  /** Undefined if the line is to be dropped; otherwise how many of its kind were dropped before it. Kinds are
   *  few, and kept for good. */
  pass(kind: string): number | undefined {
    const nowMs = this.#now();
    const second = this.#seconds.get(kind);
    if (second === undefined || nowMs - second.startMs >= 1000) {
      this.#seconds.set(kind, { startMs: nowMs, passed: 1, dropped: 0 });
      return second?.dropped ?? 0;
    }
    if (second.passed >= this.#maxPerSecond) {
      second.dropped++;
      return undefined;
    }
    second.passed++;
    return 0;
  }
}

interface Timer {
  readonly dueMs: number;
  readonly delayMs: number;
  readonly call: () => void;
}

/** Time that stands still until it is told to go on. Takes the place of setTimeout and clearTimeout;
 *  unlike the mock timers of node:test it tells which timers are pending, so that a stall and a timer
 *  that nobody cleared can be seen, and lets promises react between two timers, as Node does. */
export class VirtualClock {
  nowMs = 0;
  // In the order in which they were set, which decides between timers that are due together.
  readonly #timers = new Set<Timer>();

  /** Returns the function that brings the real timers back. */
  install(): () => void {
    const { setTimeout: realSet, clearTimeout: realClear } = globalThis;
    const set = (call: () => void, delayMs = 0): Timer => {
      const timer = { dueMs: this.nowMs + delayMs, delayMs, call };
      this.#timers.add(timer);
      return timer;
    };
    const clear = (timer: Timer | undefined) => {
      if (timer !== undefined) this.#timers.delete(timer);
    };
    Object.assign(globalThis, { setTimeout: set, clearTimeout: clear });
    return () => {
      Object.assign(globalThis, { setTimeout: realSet, clearTimeout: realClear });
    };
  }

  /** The delays with which the pending timers were set, in milliseconds. */
  get pendingDelaysMs(): number[] {
    return [...this.#timers].map(({ delayMs }) => delayMs);
  }

  /** Moves on by `ms`. `settle` is awaited after each timer. Returns how many timers fired. */
  async advance(ms: number, settle: () => Promise<void>): Promise<number> {
    const endMs = this.nowMs + ms;
    let fired = 0;
    for (;;) {
      const next = this.#next();
      if (next === undefined || next.dueMs > endMs) break;
      this.#timers.delete(next);
      this.nowMs = Math.max(this.nowMs, next.dueMs);
      next.call();
      fired++;
      await settle();
    }
    this.nowMs = endMs;
    return fired;
  }

  #next(): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      if (next === undefined || timer.dueMs < next.dueMs) next = timer;
    }
    return next;
  }
}

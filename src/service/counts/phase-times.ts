/** A phase that is over. Times are milliseconds of `performance.now()`. */
export interface PhaseTime<Phase> {
  readonly phase: Phase;
  readonly startMs: number;
  readonly endMs: number;
}

/** More would be those of a model whose hosts die again and again. */
const maxKept = 20;

/** When the phases of some work began and ended, failed ones included. A phase may come again. */
export class PhaseTimes<Phase extends string> {
  readonly #times: PhaseTime<Phase>[] = [];

  async measure<T>(phase: Phase, work: () => Promise<T>): Promise<T> {
    const startMs = performance.now();
    try {
      return await work();
    } finally {
      this.#note(phase, startMs);
    }
  }

  /** A phase ends now that somebody else has measured. */
  note(phase: Phase, durationMs: number): void {
    this.#note(phase, performance.now() - durationMs);
  }

  #note(phase: Phase, startMs: number): void {
    this.#times.push({ phase, startMs, endMs: performance.now() });
    if (this.#times.length > maxKept) this.#times.shift();
  }

  /** Oldest first. */
  all(): readonly PhaseTime<Phase>[] {
    return this.#times;
  }

  /** Of its last time, rounded; undefined if there was none. */
  durationMs(phase: Phase): number | undefined {
    const last = this.#times.findLast((time) => time.phase === phase);
    return last && Math.round(last.endMs - last.startMs);
  }
}

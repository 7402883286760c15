/** A phase that is over. Times are milliseconds of `performance.now()`. */
export interface PhaseTime<Phase> {
  readonly phase: Phase;
  readonly startMs: number;
  readonly endMs: number;
}

/** A longer list would be that of a model whose hosts die again and again. */
const maxKept = 20;

/** When the phases of some work began and ended, including failed ones. A phase may occur again. */
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

  /** Records a phase that ends now and was measured elsewhere. */
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

  /** The duration of its latest occurrence, rounded; undefined if there was none. */
  durationMs(phase: Phase): number | undefined {
    const last = this.#times.findLast((time) => time.phase === phase);
    return last && Math.round(last.endMs - last.startMs);
  }
}

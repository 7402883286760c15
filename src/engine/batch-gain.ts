/** A row must get at least this much cheaper by doubling the rows of a run; less is not worth the time
 *  that the first request of a batch waits for the last. */
const leastGain = 0.1;
/** Runs of one size that are measured before it is judged by the fastest of them: what disturbs a
 *  measurement only ever makes it longer. */
const samplesToJudge = 3;
const samplesKept = 8;
/** So many runs after a size was found not to pay, it is tried again: the machine may have changed. */
const runsToRetry = 1_000;

/** Costs of one row in runs of more than 2^(n-1) and up to 2^n rows. */
interface SizeClass {
  /** Milliseconds, the latest `samplesKept` of them. */
  readonly samples: number[];
  /** Where the next sample goes. */
  at: number;
  /** The run after which the class is tried anew; undefined while it is not known to be useless. */
  retryAtRun: number | undefined;
}

/** Learns from the runs of one model what joining requests saves. From the size of a single request on,
 *  twice the rows are tried, and kept if a row then costs clearly less; then twice that, and so on. So a
 *  model whose time is all in its rows stays at single requests after a few trials with two. The same
 *  runs always lead to the same decisions. */
export class BatchGain {
  readonly #maxRows: number;
  readonly #classes: SizeClass[] = [];
  #runs = 0;

  constructor(maxRows: number) {
    this.#maxRows = maxRows;
  }

  /** One run of `rows` rows (at least 1) took the host `runMs`. */
  record(rows: number, runMs: number): void {
    this.#runs++;
    const size = this.#class(Math.ceil(Math.log2(rows)));
    size.samples[size.at] = runMs / rows;
    size.at = (size.at + 1) % samplesKept;
  }

  /** Rows that a run may have which starts with a request of `rows`: at least `rows`. */
  rowsFor(rows: number): number {
    const own = Math.ceil(Math.log2(rows));
    let power = own;
    while (2 ** power < this.#maxRows && this.#pays(power + 1)) power++;
    return power === own ? rows : Math.max(rows, Math.min(2 ** power, this.#maxRows));
  }

  /** Whether runs of this class are worth it, or not known well enough not to be tried. */
  #pays(power: number): boolean {
    const half = this.#class(power - 1);
    const whole = this.#class(power);
    // Nothing to compare with yet.
    if (half.samples.length < samplesToJudge) return false;
    if (whole.retryAtRun !== undefined) {
      if (this.#runs < whole.retryAtRun) return false;
      whole.retryAtRun = undefined;
      whole.samples.length = 0;
      whole.at = 0;
    }
    if (whole.samples.length < samplesToJudge) return true;
    if (Math.min(...whole.samples) <= (1 - leastGain) * Math.min(...half.samples)) return true;
    whole.retryAtRun = this.#runs + runsToRetry;
    return false;
  }

  #class(power: number): SizeClass {
    let size = this.#classes[power];
    if (size === undefined) {
      size = { samples: [], at: 0, retryAtRun: undefined };
      this.#classes[power] = size;
    }
    return size;
  }
}

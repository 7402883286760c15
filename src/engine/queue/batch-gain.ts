import type { JoinSize } from "./join-size.ts";

/** Doubling a run's rows must make each row at least this much cheaper; less is not worth the time that a
 *  batch's first request waits for the last. */
const leastGain = 0.1;
/** Runs of each size in a trial. The cheapest of each size counts: disturbances only add to the cost. */
const runsInTrial = 4;
/** A size that did not pay is tried again after this many runs. */
const runsToRetry = 1_000;

interface Side {
  runs: number;
  /** Cost of one row in the cheapest of them, in milliseconds. */
  leastMs: number;
}

/** Whether runs of more than 2^(n-1) and up to 2^n rows pay. */
type SizeClass =
  /** Runs of half the size and of this size alternate, so that both see the same disturbances. */
  | { readonly tag: "trial"; readonly half: Side; readonly whole: Side }
  | { readonly tag: "pays" }
  | { readonly tag: "useless"; readonly retryAtRun: number };

/** Learns from one model's runs what joining requests saves. From the size of a single request on, it tries
 *  twice the rows, keeps that if a row then costs clearly less, and doubles again. So a model whose time is
 *  all in its rows stays at single requests after a few trials with two. The same runs always lead to the
 *  same decisions. */
export class BatchGain implements JoinSize {
  readonly mostBytes = undefined;
  readonly #maxRows: number;
  readonly #classes: SizeClass[] = [];
  #runs = 0;

  constructor(maxRows: number) {
    this.#maxRows = maxRows;
  }

  record(rows: number, runMs: number): void {
    this.#runs++;
    const power = classOf(rows);
    const above = this.#class(power + 1);
    if (above.tag === "trial" && above.half.runs <= above.whole.runs) {
      this.#note(power + 1, above.half, runMs / rows);
    }
    const own = this.#class(power);
    if (own.tag === "trial") this.#note(power, own.whole, runMs / rows);
  }

  rowsFor(rows: number): number {
    const own = classOf(rows);
    let power = own;
    while (2 ** power < this.#maxRows && this.#pays(power + 1)) power++;
    // Nothing is known beyond a size on trial.
    if (2 ** power < this.#maxRows && this.#isNextInTrial(power + 1)) power++;
    return power === own ? rows : Math.max(rows, Math.min(2 ** power, this.#maxRows));
  }

  #pays(power: number): boolean {
    return this.#class(power).tag === "pays";
  }

  /** Whether the next run should have the larger of the two sizes. */
  #isNextInTrial(power: number): boolean {
    const size = this.#class(power);
    return size.tag === "trial" && size.half.runs > size.whole.runs;
  }

  #note(power: number, side: Side, rowMs: number): void {
    side.runs++;
    side.leastMs = Math.min(side.leastMs, rowMs);
    const size = this.#class(power);
    if (size.tag !== "trial") return;
    const { half, whole } = size;
    if (half.runs < runsInTrial || whole.runs < runsInTrial) return;
    this.#classes[power] =
      whole.leastMs <= (1 - leastGain) * half.leastMs
        ? { tag: "pays" }
        : { tag: "useless", retryAtRun: this.#runs + runsToRetry };
  }

  #class(power: number): SizeClass {
    let size = this.#classes[power];
    if (size === undefined || (size.tag === "useless" && this.#runs >= size.retryAtRun)) {
      size = { tag: "trial", half: newSide(), whole: newSide() };
      this.#classes[power] = size;
    }
    return size;
  }
}

function newSide(): Side {
  return { runs: 0, leastMs: Number.POSITIVE_INFINITY };
}

function classOf(rows: number): number {
  return Math.ceil(Math.log2(rows));
}

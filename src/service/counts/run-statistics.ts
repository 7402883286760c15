import type { MeteredRun, RunMeter } from "../../engine/contract/engine.ts";
import type { BatchStatistics, DurationSum, PhaseStatistics } from "../contract/statistics.ts";
import { durationSum } from "./duration-sum.ts";

/** Runs of one size, in milliseconds. */
interface SizeSums {
  runs: number;
  inputMs: number;
  computeMs: number;
  outputMs: number;
}

/** More sizes than batches have in practice. Requests may have any number of rows, and each size takes memory. */
export const maxBatchSizes = 128;

/** What the runs of one generation took, for `ModelStatistics`: sums over the requests that clients waited for. Passes
 *  everything on to the model's metrics. */
export class RunStatistics implements RunMeter {
  readonly #next: RunMeter;
  /** By rows. */
  readonly #sizes = new Map<number, SizeSums>();
  #runs = 0;
  #rows = 0;
  #requests = 0;
  #queueMs = 0;
  #inputMs = 0;
  #computeMs = 0;
  #outputMs = 0;
  #hits = 0;
  #hitMs = 0;
  #misses = 0;
  #missMs = 0;

  constructor(next: RunMeter) {
    this.#next = next;
  }

  answered(waitedMs: number, isAwaited: boolean): void {
    if (isAwaited) this.#queueMs += waitedMs;
    this.#next.answered(waitedMs, isAwaited);
  }

  ran(run: MeteredRun): void {
    const { awaited, rows } = run;
    this.#runs++;
    this.#rows += run.awaitedRows;
    this.#requests += awaited;
    this.#queueMs += run.lineMs * awaited;
    this.#inputMs += run.inputMs * awaited;
    this.#computeMs += run.computeMs * awaited;
    this.#outputMs += run.outputMs * awaited;
    const size = this.#sizes.get(rows) ?? this.#newSize(rows);
    if (size !== undefined) {
      size.runs++;
      size.inputMs += run.inputMs;
      size.computeMs += run.computeMs;
      size.outputMs += run.outputMs;
    }
    this.#next.ran(run);
  }

  compared(isSame: boolean): void {
    this.#next.compared(isSame);
  }

  /** A cache was asked for all that a request wants; `isHit`: it had all of it. */
  lookedUp(isHit: boolean, tookMs: number): void {
    if (isHit) {
      this.#hits++;
      this.#hitMs += tookMs;
    } else {
      this.#misses++;
      this.#missMs += tookMs;
    }
  }

  /** Runs of the engine. */
  get runs(): number {
    return this.#runs;
  }

  /** Rows of requests that were answered. */
  get rows(): number {
    return this.#rows;
  }

  get phases(): PhaseStatistics {
    const each = (ms: number): DurationSum => durationSum(this.#requests, ms);
    return {
      // What comes from a cache has waited for nothing.
      queue: durationSum(this.#requests + this.#hits, this.#queueMs),
      computeInput: each(this.#inputMs),
      computeInfer: each(this.#computeMs),
      computeOutput: each(this.#outputMs),
      cacheHit: durationSum(this.#hits, this.#hitMs),
      cacheMiss: durationSum(this.#misses, this.#missMs),
    };
  }

  /** Smallest first. */
  get batches(): BatchStatistics[] {
    const sizes = [...this.#sizes].sort(([a], [b]) => a - b);
    return sizes.map(([rows, { runs, inputMs, computeMs, outputMs }]) => ({
      rows,
      computeInput: durationSum(runs, inputMs),
      computeInfer: durationSum(runs, computeMs),
      computeOutput: durationSum(runs, outputMs),
    }));
  }

  #newSize(rows: number): SizeSums | undefined {
    if (this.#sizes.size === maxBatchSizes) return undefined;
    const size = { runs: 0, inputMs: 0, computeMs: 0, outputMs: 0 };
    this.#sizes.set(rows, size);
    return size;
  }
}

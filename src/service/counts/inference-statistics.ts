import { RuntimeError } from "../../base/errors.ts";
import type { DurationSum } from "../contract/statistics.ts";
import { durationSum } from "./duration-sum.ts";
import type { ModelSeries } from "./model-series.ts";
import { RecentFailures } from "./recent-failures.ts";
import { RunStatistics } from "./run-statistics.ts";
import { TrafficMeter } from "./traffic-meter.ts";

/** Counts the inferences of one generation. Cancelled and timed-out inferences count as failed. */
export class InferenceStatistics {
  readonly traffic = new TrafficMeter();
  readonly failures = new RecentFailures();
  readonly series: ModelSeries;
  /** What its runs took. */
  readonly runs: RunStatistics;
  readonly #overall: TrafficMeter;
  #lastInferenceMs = 0;
  #succeeded = 0;
  #succeededMs = 0;
  #failed = 0;
  #failedMs = 0;
  #cached = 0;
  #cachedMs = 0;

  /** `overall` counts the inferences of all models together, `series` those of this model since it was first
   *  loaded. */
  constructor(overall: TrafficMeter, series: ModelSeries) {
    this.#overall = overall;
    this.series = series;
    this.runs = new RunStatistics(series);
  }

  get lastInferenceMs(): number {
    return this.#lastInferenceMs;
  }

  get success(): DurationSum {
    return durationSum(this.#succeeded + this.#cached, this.#succeededMs + this.#cachedMs);
  }

  get fail(): DurationSum {
    return durationSum(this.#failed, this.#failedMs);
  }

  /** A cache was asked for all that a request wants. A request that it answers is a success without a run. */
  noteLookup(isHit: boolean, tookMs: number): void {
    this.runs.lookedUp(isHit, tookMs);
    if (!isHit) return;
    this.#lastInferenceMs = Date.now();
    this.#cached++;
    this.#cachedMs += tookMs;
  }

  noteSuccess(elapsedMs: number): void {
    this.#lastInferenceMs = Date.now();
    this.#succeeded++;
    this.#succeededMs += elapsedMs;
    this.traffic.succeed(elapsedMs);
    this.#overall.succeed(elapsedMs);
    this.series.succeed(elapsedMs);
  }

  /** Requests that never reached the model do not count. `isCancelled`: the client no longer waits. */
  noteFailure(elapsedMs: number, reason: unknown, isCancelled: boolean): void {
    const kind = reason instanceof RuntimeError ? reason.kind : undefined;
    if (kind === "invalid-argument") return;
    this.#lastInferenceMs = Date.now();
    this.#failed++;
    this.#failedMs += elapsedMs;
    this.traffic.fail();
    this.#overall.fail();
    const rejected = kind === "overloaded" ? "rejected" : "failure";
    this.series.outcomes[isCancelled ? "cancelled" : rejected]++;
  }
}

import { RuntimeError } from "../../base/errors.ts";
import type { ModelSeries } from "./model-series.ts";
import { RecentFailures } from "./recent-failures.ts";
import { TrafficMeter } from "./traffic-meter.ts";

/** Inferences, with the sum of their durations. */
interface Sum {
  readonly count: number;
  readonly ns: bigint;
}

/** Counts the inferences of one generation. Cancelled and timed-out inferences count as failed. */
export class InferenceStatistics {
  readonly traffic = new TrafficMeter();
  readonly failures = new RecentFailures();
  readonly series: ModelSeries;
  readonly #overall: TrafficMeter;
  #lastInferenceMs = 0;
  #succeeded = 0;
  #succeededMs = 0;
  #failed = 0;
  #failedMs = 0;

  /** `overall` counts the inferences of all models together, `series` those of this model since it was first
   *  loaded. */
  constructor(overall: TrafficMeter, series: ModelSeries) {
    this.#overall = overall;
    this.series = series;
  }

  get lastInferenceMs(): number {
    return this.#lastInferenceMs;
  }

  get success(): Sum {
    return { count: this.#succeeded, ns: nanoseconds(this.#succeededMs) };
  }

  get fail(): Sum {
    return { count: this.#failed, ns: nanoseconds(this.#failedMs) };
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

function nanoseconds(ms: number): bigint {
  return BigInt(Math.round(ms * 1e6));
}

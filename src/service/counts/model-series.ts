import { Histogram } from "../../base/histogram.ts";
import type { MeteredRun, RunMeter } from "../../engine/contract/engine.ts";

const durationBoundsMs = [1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000];

/** For all models together, in milliseconds, of each request that the engine served. */
export interface PhaseHistograms {
  /** Until it was sent to the host. */
  readonly queue: Histogram;
  /** From there until the response was back, without the engine's run. */
  readonly host: Histogram;
  /** The engine's run. */
  readonly compute: Histogram;
  /** Requests that one run served. */
  readonly batchSize: Histogram;
}

/** How an inference ended. "rejected": the queue was full, or it waited too long; "cancelled": the client left,
 *  or its time was up. */
export type InferenceOutcome = "success" | "failure" | "rejected" | "cancelled";

/** Counts of one model over all of its generations, or of all models without counts of their own. */
export class ModelSeries implements RunMeter {
  /** Inferences that have ended. */
  readonly outcomes: Record<InferenceOutcome, number> = {
    success: 0,
    failure: 0,
    rejected: 0,
    cancelled: 0,
  };
  /** Of successful inferences, from the entrance of the service layer, in milliseconds. */
  readonly duration = new Histogram(durationBoundsMs);
  /** Sums over requests, as in `PhaseHistograms`. */
  queueMs = 0;
  hostMs = 0;
  computeMs = 0;
  /** Runs of the engine; each serves one request or more. */
  runs = 0;
  /** Comparisons of batched runs with single ones. */
  readonly joinChecks = { same: 0, different: 0 };
  readonly #all: PhaseHistograms;

  constructor(all: PhaseHistograms) {
    this.#all = all;
  }

  succeed(durationMs: number): void {
    this.outcomes.success++;
    this.duration.observe(durationMs);
  }

  answered(waitedMs: number): void {
    this.queueMs += waitedMs;
    this.#all.queue.observe(waitedMs);
  }

  ran({ requests, awayMs, computeMs }: MeteredRun): void {
    const { host, compute, batchSize } = this.#all;
    const hostMs = awayMs - computeMs;
    this.runs++;
    this.hostMs += hostMs * requests;
    this.computeMs += computeMs * requests;
    host.observe(hostMs, requests);
    compute.observe(computeMs, requests);
    batchSize.observe(requests);
  }

  compared(isSame: boolean): void {
    this.joinChecks[isSame ? "same" : "different"]++;
  }
}

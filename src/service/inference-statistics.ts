import { RuntimeError } from "../errors.ts";
import { RecentFailures } from "./recent-failures.ts";
import { TrafficMeter } from "./traffic-meter.ts";

/** Counts the inferences of one model. Cancelled ones and those whose time ran out count as failed. */
export class InferenceStatistics {
  lastInferenceMs = 0;
  readonly success = { count: 0, ns: 0n };
  readonly fail = { count: 0, ns: 0n };
  readonly traffic = new TrafficMeter();
  readonly failures = new RecentFailures();
  readonly #overall: TrafficMeter;

  /** `overall` counts the inferences of all models together. */
  constructor(overall: TrafficMeter) {
    this.#overall = overall;
  }

  /** Runs `inference` and counts it. Requests that never reached the model do not count. */
  async measure<T>(inference: () => Promise<T>): Promise<T> {
    const startNs = process.hrtime.bigint();
    try {
      const result = await inference();
      const elapsedMs = this.#count(this.success, startNs);
      this.traffic.succeed(elapsedMs);
      this.#overall.succeed(elapsedMs);
      return result;
    } catch (reason) {
      const isRefused = reason instanceof RuntimeError && reason.kind === "invalid-argument";
      if (!isRefused) {
        this.#count(this.fail, startNs);
        this.traffic.fail();
        this.#overall.fail();
      }
      throw reason;
    }
  }

  /** Returns the milliseconds that it took. */
  #count(sum: { count: number; ns: bigint }, startNs: bigint): number {
    const elapsedNs = process.hrtime.bigint() - startNs;
    sum.count++;
    sum.ns += elapsedNs;
    this.lastInferenceMs = Date.now();
    return Number(elapsedNs) / 1e6;
  }
}

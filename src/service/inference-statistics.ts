import { RuntimeError } from "../errors.ts";

/** Counts the inferences of one model. Cancelled ones and those whose time ran out count as failed. */
export class InferenceStatistics {
  lastInferenceMs = 0;
  readonly success = { count: 0, ns: 0n };
  readonly fail = { count: 0, ns: 0n };

  /** Runs `inference` and counts it. Requests that never reached the model do not count. */
  async measure<T>(inference: () => Promise<T>): Promise<T> {
    const startNs = process.hrtime.bigint();
    try {
      const result = await inference();
      this.#count(this.success, startNs);
      return result;
    } catch (reason) {
      const isRefused = reason instanceof RuntimeError && reason.kind === "invalid-argument";
      if (!isRefused) this.#count(this.fail, startNs);
      throw reason;
    }
  }

  #count(sum: { count: number; ns: bigint }, startNs: bigint): void {
    sum.count++;
    sum.ns += process.hrtime.bigint() - startNs;
    this.lastInferenceMs = Date.now();
  }
}

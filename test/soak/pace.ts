import { setTimeout as sleep } from "node:timers/promises";
import type { Random } from "../support/attacks/mutate.ts";

const minMeanMs = 0.5;
const maxMeanMs = 2000;

/** The pauses of all users, kept such that server and users together take a given part of the CPU: at full
 *  load latencies would tell of the load generator only. */
export class Pace {
  readonly #targetCores: number;
  #meanMs = 100;

  constructor(targetCores: number) {
    this.#targetCores = targetCores;
  }

  get meanMs(): number {
    return this.#meanMs;
  }

  /** `usedCores`: what was used since the last call. */
  adapt(usedCores: number): void {
    const factor = Math.min(2, Math.max(0.5, usedCores / this.#targetCores));
    // Half a step at a time: the last pauses are still under way.
    this.#meanMs = Math.min(maxMeanMs, Math.max(minMeanMs, this.#meanMs * Math.sqrt(factor)));
  }

  /** Arrivals at random, as from many independent users. */
  async pause(random: Random): Promise<void> {
    await sleep(-Math.log(1 - random.below(1e6) / 1e6) * this.#meanMs);
  }
}

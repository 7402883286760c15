import type { MachineFacts } from "./machine.ts";
import type { Measurement, Skipped } from "./measurements.ts";
import type { BenchOptions } from "./options.ts";

/** The results of a run, as stored in bench/results/. */
export interface Results {
  readonly machine: MachineFacts;
  readonly options: BenchOptions;
  readonly seconds: number;
  /** The share of all cores' time that other programs took during the run; absent where the system does not
   *  report it. */
  readonly othersCpuShare?: number;
  readonly measurements: readonly Measurement[];
  readonly skipped: readonly Skipped[];
}

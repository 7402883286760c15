import type { MachineFacts } from "./machine.ts";
import type { Measurement, Skipped } from "./measurements.ts";
import type { BenchOptions } from "./options.ts";

/** Everything that a run has to say, as it is stored in bench/results/. */
export interface Results {
  readonly machine: MachineFacts;
  readonly options: BenchOptions;
  readonly seconds: number;
  readonly measurements: readonly Measurement[];
  readonly skipped: readonly Skipped[];
}

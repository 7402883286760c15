import type { CancelSignal } from "../../base/cancel-signal.ts";
import { RuntimeError } from "../../base/errors.ts";
import type { RunSettings } from "../../config/run-settings.ts";
import type { ModelSource, RunMeter, TabularFacts } from "../contract/engine.ts";
import type { JoiningTerms } from "../queue/joining-of.ts";
import type { ModelRuns } from "../run-memory/model-runs.ts";
import type { LoadedMessage } from "../wire/host-messages.ts";

/** What a host should load, and for which call. */
export interface HostLoad {
  readonly source: ModelSource;
  readonly platform: string;
  /** As in `ModelMetadata`. */
  readonly tabular?: TabularFacts | undefined;
  readonly threads: number;
  readonly settings: RunSettings;
  readonly meter: RunMeter | undefined;
  /** At most this many rows in the runs on zeros that end the load; 0: no runs. */
  readonly warmupRows: number;
  /** As in `ModelFootprint`. */
  readonly loadingBytes: number;
  readonly usualBytes: number;
  /** The most that the model may turn out to take, in a dedicated host; undefined: what its load reserves. */
  readonly mostBytes: number | undefined;
  readonly joining: JoiningTerms;
  readonly runs: ModelRuns;
  readonly signal: CancelSignal;
  /** The size to report, derived from the host's measurement. */
  sizeOf(measuredBytes: number | undefined): number;
}

/** The result of a load, warm-up included. */
export interface LoadAnswer extends Pick<LoadedMessage, "inputs" | "outputs"> {
  readonly measuredBytes: number | undefined;
  /** How long the load took after the model could run; 0 without a warm-up. */
  readonly warmupMs: number;
}

export function cancelled(): RuntimeError {
  return new RuntimeError("cancelled", "the load was given up");
}

export function killedFor(why: string): RuntimeError {
  return new RuntimeError("host-lost", `the engine host was killed: ${why}`);
}

/** The host was lost before it reached the model, which thus had no part in it. */
export function notReached(error: unknown): unknown {
  if (!(error instanceof RuntimeError) || error.kind !== "host-lost") return error;
  return new RuntimeError("temporarily-unavailable", error.message, { cause: error });
}

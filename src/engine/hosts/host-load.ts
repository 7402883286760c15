import type { CancelSignal } from "../../base/cancel-signal.ts";
import { RuntimeError } from "../../base/errors.ts";
import type { RunSettings } from "../../config/run-settings.ts";
import type { ModelSource, RunMeter } from "../contract/engine.ts";
import type { JoiningTerms } from "../queue/joining-of.ts";
import type { ModelRuns } from "../run-memory/model-runs.ts";
import type { LoadedMessage } from "../wire/host-messages.ts";

/** What a host is to load, and for whom. */
export interface HostLoad {
  readonly source: ModelSource;
  readonly platform: string;
  readonly threads: number;
  readonly settings: RunSettings;
  readonly meter: RunMeter | undefined;
  /** Rows, at most, of the runs on zeros that the load ends with; 0: there are none. */
  readonly warmupRows: number;
  /** As `ModelFootprint.loadingBytes`. */
  readonly loadingBytes: number;
  /** What the model may turn out to take at most, in a dedicated host; undefined: what its load reserves. */
  readonly mostBytes: number | undefined;
  readonly joining: JoiningTerms;
  readonly runs: ModelRuns;
  readonly signal: CancelSignal;
  /** The size to report, from what the host measured. */
  sizeOf(measuredBytes: number | undefined): number;
}

/** What a load comes to, warm-up included. */
export interface LoadAnswer extends Pick<LoadedMessage, "inputs" | "outputs"> {
  readonly measuredBytes: number | undefined;
  /** What came of the load after the model could run; 0 without a warm-up. */
  readonly warmupMs: number;
}

export function cancelled(): RuntimeError {
  return new RuntimeError("cancelled", "the load was given up");
}

export function killedFor(why: string): RuntimeError {
  return new RuntimeError("host-lost", `the engine host was killed: ${why}`);
}

/** The host was lost before it came to the model, which thus had no part in it. */
export function notReached(error: unknown): unknown {
  if (!(error instanceof RuntimeError) || error.kind !== "host-lost") return error;
  return new RuntimeError("temporarily-unavailable", error.message, { cause: error });
}

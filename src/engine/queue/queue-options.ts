import type { RunSettings } from "../../config/run-settings.ts";
import type { RunMeter } from "../contract/engine.ts";
import type { RunAdmission, RunMeasures } from "../run-memory/admission.ts";
import type { IndexedTensor, OutgoingTensor } from "../wire/host-protocol.ts";
import type { HostQueue } from "./host-queue.ts";
import type { JoiningEnd } from "./join-guard.ts";

// What a model's queue needs from the rest of the engine.

/** A host's response to one run. */
export interface RunAnswer extends RunMeasures {
  readonly runMs: number;
  readonly computeMs: number;
  /** By `monotonicMs`, as in a `TensorMessage`. */
  readonly freeAtMs: number;
  readonly startedAtMs: number;
  readonly tensors: readonly IndexedTensor[];
}

export interface OutgoingRun {
  readonly wanted: readonly number[];
  readonly tensors: readonly OutgoingTensor[];
  /** Whether the response should say how much memory the run took. */
  readonly isMeasured: boolean;
}

export interface RunReceiver {
  resolve(answer: RunAnswer): void;
  reject(error: unknown): void;
}

export interface ModelQueueOptions {
  /** The model. */
  readonly owner: object;
  readonly host: HostQueue;
  readonly settings: RunSettings;
  /** Whether requests may be joined: the model's rows are proven or promised to be independent. */
  readonly mayJoin: boolean;
  /** Whether joined runs need not be compared with single ones. */
  readonly isBuilt?: boolean | undefined;
  /** As `EngineFormat.joinedBytes`. */
  readonly joinedBytes?: number | undefined;
  /** Rows of a rehearsal that the model's memory allows for. */
  readonly cheapRows: number;
  /** Names of its outputs. */
  readonly outputs: readonly string[];
  readonly meter?: RunMeter | undefined;
  /** Called at most once: requests are no longer joined. */
  onJoiningEnd(end: JoiningEnd): void;
  /** Decides when there is memory for a run, and calls back when there may be. Absent: always. */
  readonly admission?: ((onRoom: () => void) => RunAdmission) | undefined;
  /** Sends one run to the host; the receiver is called once. */
  send(run: OutgoingRun, receiver: RunReceiver): void;
}

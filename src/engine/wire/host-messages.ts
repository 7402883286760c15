import type { ErrorKind } from "../../base/errors.ts";
import type { TensorSpec } from "../../base/tensor.ts";
import type { TextChoices } from "../contract/text-choices.ts";

// The contents of the JSON frames between the server and a host.

/** The result of a warm-up, which never throws. `rows`: of its last run. */
export type WarmUpOutcome =
  | { readonly tag: "warmed"; readonly rows: number }
  | { readonly tag: "skipped" | "failed"; readonly reason: string };

/** Host -> server, once, when all engines are imported. */
export interface ReadyMessage {
  /** Private memory of the host, undefined where the system does not report it. */
  readonly memoryBytes: number | undefined;
  /** What RLIMIT_DATA limits, which includes that; undefined likewise. */
  readonly dataBytes: number | undefined;
}

export interface LoadMessage {
  readonly format: string;
  readonly file: string;
  /** As `FileAccess`. */
  readonly access: {
    readonly roots: readonly string[] | undefined;
    readonly hasDataFiles: boolean | undefined;
    readonly dataFiles: Readonly<Record<string, string>> | undefined;
  };
  /** For text models. */
  readonly choices: TextChoices | undefined;
  readonly threads: number;
  /** Whether the model has the host to itself, so that its memory is the host's. */
  readonly ownsHost: boolean;
  /** Whether a warm-up follows: then the memory is measured after that. */
  readonly isWarmedUp: boolean;
  /** What such a model usually takes. */
  readonly usualBytes: number;
}

/** Server -> host: runs a model that has just been loaded on zeros. */
export interface WarmUpMessage {
  /** At least 1. */
  readonly mostRows: number;
  /** As in the load. */
  readonly ownsHost: boolean;
  readonly usualBytes: number;
}

export interface LoadedMessage {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  /** Undefined if a warm-up follows. */
  readonly memory: MeasuredMemory | undefined;
}

export interface WarmedMessage {
  readonly outcome: WarmUpOutcome;
  readonly memory: MeasuredMemory;
  /** The most that the host grew during the runs; undefined where the system does not report it. */
  readonly peakBytes: number | undefined;
}

export interface MeasuredMemory {
  /** The host's private memory if the model has it to itself, otherwise the growth of its native memory since
   *  before the load; undefined where the system does not report it. */
  readonly measuredBytes: number | undefined;
  /** The host's, as in `ReadyMessage`. */
  readonly memoryBytes: number | undefined;
}

export interface ReleasedMessage {
  readonly memoryBytes: number | undefined;
}

/** From a host that has given back free memory. */
export interface RestedMessage {
  readonly memoryBytes: number | undefined;
}

export interface FailedMessage {
  readonly kind: ErrorKind;
  readonly message: string;
}

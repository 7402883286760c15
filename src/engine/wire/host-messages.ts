import type { ErrorKind } from "../../base/errors.ts";
import type { TensorSpec } from "../../base/tensor.ts";

// What the JSON frames between the server and a host say.

/** What becomes of a warm-up: it never throws. `rows`: of its last run. */
export type WarmUpOutcome =
  | { readonly tag: "warmed"; readonly rows: number }
  | { readonly tag: "skipped" | "failed"; readonly reason: string };

/** Host -> server, once, when all engines are imported. */
export interface ReadyMessage {
  /** Memory of the host that no other process shares, undefined where the system does not tell. */
  readonly memoryBytes: number | undefined;
  /** Of it and more, what RLIMIT_DATA limits; undefined likewise. */
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
  readonly threads: number;
  /** Whether the model has the host to itself, so that its memory is the host's. */
  readonly ownsHost: boolean;
  /** Whether a warm-up follows: then the memory is measured after that. */
  readonly isWarmedUp: boolean;
}

/** Server -> host: runs a model that has just been loaded on zeros. */
export interface WarmUpMessage {
  /** At least 1. */
  readonly mostRows: number;
  /** As in the load. */
  readonly ownsHost: boolean;
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
  /** By how much the host grew at most while the runs were on; undefined where the system does not tell. */
  readonly peakBytes: number | undefined;
}

export interface MeasuredMemory {
  /** The host's private memory if the model owns it, else by how much its native memory has grown since
   *  before the load; undefined where the system does not tell. */
  readonly measuredBytes: number | undefined;
  /** The host's, as in `ReadyMessage`. */
  readonly memoryBytes: number | undefined;
}

export interface ReleasedMessage {
  readonly memoryBytes: number | undefined;
}

/** Of a host that has given back what was free. */
export interface RestedMessage {
  readonly memoryBytes: number | undefined;
}

export interface FailedMessage {
  readonly kind: ErrorKind;
  readonly message: string;
}

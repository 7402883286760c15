import type { ErrorKind } from "../errors.ts";
import type { TensorSpec } from "../tensor.ts";

// What the JSON frames between the server and a host say.

/** Host -> server, once, when all engines are imported. */
export interface ReadyMessage {
  /** Memory of the host that no other process shares, undefined where the system does not tell. */
  readonly memoryBytes: number | undefined;
}

export interface LoadMessage {
  readonly format: string;
  readonly file: string;
  readonly threads: number;
  /** Whether the model has the host to itself, so that its memory is the host's. */
  readonly ownsHost: boolean;
}

export interface LoadedMessage {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  /** The host's private memory if the model owns it, else by how much its anonymous memory grew around
   *  the load; undefined where the system does not tell. */
  readonly measuredBytes: number | undefined;
  readonly memoryBytes: number | undefined;
}

export interface ReleasedMessage {
  readonly memoryBytes: number | undefined;
}

export interface FailedMessage {
  readonly kind: ErrorKind;
  readonly message: string;
}

import type { IndexedTensor } from "../wire/host-protocol.ts";
import type { RunRequest } from "./batch-join.ts";

/** A run that nobody waits for, by which a model's queue finds out whether requests can be joined. */
export interface Probe {
  /** They can join, and are one run. */
  readonly requests: readonly RunRequest[];
  /** Of all of them. */
  readonly rows: number;
  /** Whether its cost says what joining gains. */
  readonly isUsual: boolean;
  /** One of the two is called, once, unless the probe is never sent. */
  answered(tensors: readonly IndexedTensor[]): void;
  failed(error: unknown): void;
}

/** What came of runs that were made to compare. */
export type Comparison =
  | { readonly tag: "same" }
  /** `output`: its position among the model's; undefined if there was not one row for each row of the inputs. */
  | { readonly tag: "different"; readonly output: number | undefined; readonly rows: number }
  /** A run failed that should have worked. */
  | { readonly tag: "failed"; readonly error: unknown }
  /** There was nothing to compare in the end. */
  | { readonly tag: "void" };

/** A copy that nobody else changes: buffers of requests serve others once these are answered. */
export function copyOf({ wanted, tensors }: RunRequest): RunRequest {
  return { wanted, tensors: copiesOf(tensors) };
}

export function copiesOf(tensors: readonly IndexedTensor[]): IndexedTensor[] {
  return tensors.map((tensor) => ({ ...tensor, data: new Uint8Array(tensor.data) }));
}

export function bytesOf(tensors: readonly IndexedTensor[]): number {
  return tensors.reduce((sum, { data }) => sum + data.byteLength, 0);
}

/** What `differingResult` says of a run of `rows` rows: `at` is a position among the results of `request`. */
export function differenceAt(at: number, { wanted }: RunRequest, rows: number): Comparison {
  return { tag: "different", output: wanted[at], rows };
}

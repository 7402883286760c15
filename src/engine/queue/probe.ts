import type { IndexedTensor } from "../wire/host-protocol.ts";
import type { RunRequest } from "./batch-join.ts";

/** A run without a client, by which a model's queue finds out whether requests can be joined. */
export interface Probe {
  /** They can be joined, and are one run. */
  readonly requests: readonly RunRequest[];
  /** Their total. */
  readonly rows: number;
  /** Whether its cost shows what joining gains. */
  readonly isUsual: boolean;
  /** One of the two is called, once, unless the probe is never sent. */
  answered(tensors: readonly IndexedTensor[]): void;
  failed(error: unknown): void;
}

/** The result of runs made for comparison. */
export type Comparison =
  | { readonly tag: "same" }
  /** `output`: its position among the model's; undefined if it did not have one row for each row of the
   *  inputs. */
  | { readonly tag: "different"; readonly output: number | undefined; readonly rows: number }
  /** A run failed that should have worked. */
  | { readonly tag: "failed"; readonly error: unknown }
  /** There was nothing to compare in the end. */
  | { readonly tag: "void" };

/** A copy that no one else changes: requests' buffers are reused once the requests are answered. */
export function copyOf({ wanted, tensors }: RunRequest): RunRequest {
  return { wanted, tensors: copiesOf(tensors) };
}

export function copiesOf(tensors: readonly IndexedTensor[]): IndexedTensor[] {
  return tensors.map((tensor) => ({ ...tensor, data: new Uint8Array(tensor.data) }));
}

export function bytesOf(tensors: readonly IndexedTensor[]): number {
  return tensors.reduce((sum, { data }) => sum + data.byteLength, 0);
}

/** Interprets `differingResult` for a run of `rows` rows: `at` is a position among the results of
 *  `request`. */
export function differenceAt(at: number, { wanted }: RunRequest, rows: number): Comparison {
  return { tag: "different", output: wanted[at], rows };
}

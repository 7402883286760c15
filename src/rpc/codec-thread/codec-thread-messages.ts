import type { ErrorKind } from "../../base/errors.ts";
import type { RestInference, RestInferenceBody } from "../rest/request.ts";

// Messages between the server and its codec thread: one request at a time.

/** What the thread is started with. */
export interface CodecThreadData {
  /** Heap bytes for one request. */
  readonly maxHeapBytes: number;
}

export type CodecCall = RestInferenceBody;

/** The tensors of `result` come with the memory behind them. `kind` is undefined for errors that are our
 *  bugs. */
export type CodecAnswer =
  | { readonly result: RestInference }
  | { readonly failure: { readonly kind: ErrorKind | undefined; readonly message: string } };

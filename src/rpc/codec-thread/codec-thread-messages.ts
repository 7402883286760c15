import type { ErrorKind } from "../../base/errors.ts";
import type { RestInference, RestInferenceBody } from "../rest/rest-request.ts";

// What the server and its codec thread say to each other: one request at a time.

/** What the thread is started with. */
export interface CodecThreadData {
  /** Of the heap, for one request. */
  readonly maxHeapBytes: number;
}

export type CodecCall = RestInferenceBody;

/** The tensors of `result` come with the memory behind them. `kind` is undefined for errors that are bugs of
 *  ours. */
export type CodecAnswer =
  | { readonly result: RestInference }
  | { readonly failure: { readonly kind: ErrorKind | undefined; readonly message: string } };

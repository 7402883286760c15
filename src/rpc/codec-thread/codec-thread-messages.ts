import type { ErrorKind } from "../../base/errors.ts";
import type { RestInference, RestInferenceBody } from "../rest/rest-request.ts";

// What the server and its codec thread say to each other: one request at a time.

export type CodecCall = RestInferenceBody;

/** The tensors of `result` come with the memory behind them. `kind` is undefined for errors that are bugs of
 *  ours. */
export type CodecAnswer =
  | { readonly result: RestInference }
  | { readonly failure: { readonly kind: ErrorKind | undefined; readonly message: string } };

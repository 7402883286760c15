import type { ErrorKind } from "../../base/errors.ts";
import type { RestInference, RestInferenceBody } from "../rest/request.ts";
import type { TextBodyName } from "../text/text-bodies.ts";

// Messages between the server and its codec thread: one request at a time.

/** What the thread is started with. */
export interface CodecThreadData {
  /** Heap bytes for one request. */
  readonly maxHeapBytes: number;
}

/** The body of a text wire. */
export interface SentTextBody {
  readonly text: TextBodyName;
  readonly body: Uint8Array;
}

export type CodecCall = RestInferenceBody | SentTextBody;

/** The tensors of `result` come with the memory behind them. `value`: of a text wire. */
export type CodecAnswer =
  | { readonly result: RestInference }
  | { readonly value: object }
  | { readonly failure: CodecFailure };

export interface CodecFailure {
  /** Undefined for errors that are our bugs. */
  readonly kind: ErrorKind | undefined;
  readonly message: string;
  /** Of a FieldError. */
  readonly field: string | undefined;
}

import { Code } from "@connectrpc/connect";

/** A failure of a REST call, as far as its client may know of it. */
export interface RestFailure {
  /** Of HTTP. */
  readonly status: number;
  readonly message: string;
  /** Of refusals for HTTP's own reasons, the nearest one. */
  readonly code: Code;
  /** By which the log knows the call, if it has an id. */
  readonly requestId: string | undefined;
  /** What was thrown, for forms that show more than its message. */
  readonly reason: unknown;
}

/** The body of an error in the form of a REST protocol, as a value for JSON. */
export type ErrorForm = (failure: RestFailure) => object;

/** The form of the Open Inference Protocol, and of every REST protocol without one of its own. */
export const plainForm: ErrorForm = ({ message }) => ({ error: message });

/** The code that is nearest to the status of a refusal. */
export function codeOfRefusal(status: number): Code {
  if (status === 404 || status === 405) return Code.NotFound;
  if (status === 501) return Code.Unimplemented;
  return status === 413 ? Code.ResourceExhausted : Code.InvalidArgument;
}

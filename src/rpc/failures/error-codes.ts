import { Code, ConnectError } from "@connectrpc/connect";
import { describeError, type ErrorKind, RuntimeError, withoutStack } from "../../base/errors.ts";

// Total on purpose: a kind without a code does not compile.
const codes: Record<ErrorKind, Code> = {
  "invalid-argument": Code.InvalidArgument,
  "failed-precondition": Code.FailedPrecondition,
  "model-not-found": Code.NotFound,
  "model-not-ready": Code.Unavailable,
  "over-budget": Code.ResourceExhausted,
  overloaded: Code.ResourceExhausted,
  cancelled: Code.Canceled,
  aborted: Code.Aborted,
  "deadline-exceeded": Code.DeadlineExceeded,
  "load-failed": Code.Internal,
  "run-failed": Code.Internal,
  "host-lost": Code.Internal,
  "temporarily-unavailable": Code.Unavailable,
  unauthenticated: Code.Unauthenticated,
  "permission-denied": Code.PermissionDenied,
  "shutting-down": Code.Unavailable,
  "illegal-transition": Code.Internal,
};

// For REST. Total as well, since not every error comes from a kind: a stopping server aborts its calls with a
// code. HTTP's own 412 is about conditional headers, so FailedPrecondition is a plain 400.
const httpStatuses: Record<Code, number> = {
  [Code.Canceled]: 499,
  [Code.Unknown]: 500,
  [Code.InvalidArgument]: 400,
  [Code.DeadlineExceeded]: 504,
  [Code.NotFound]: 404,
  [Code.AlreadyExists]: 409,
  [Code.PermissionDenied]: 403,
  [Code.ResourceExhausted]: 429,
  [Code.FailedPrecondition]: 400,
  [Code.Aborted]: 409,
  [Code.OutOfRange]: 400,
  [Code.Unimplemented]: 501,
  [Code.Internal]: 500,
  [Code.Unavailable]: 503,
  [Code.DataLoss]: 500,
  [Code.Unauthenticated]: 401,
};

/** Of a request that is refused before it has arrived. RFC 9110, 15.5.9: it is the client that was too slow. */
const earlyStatuses: Partial<Record<Code, number>> = { [Code.DeadlineExceeded]: 408 };

/** RFC 9110, 15.5.2: a response to an unauthenticated client must contain this. */
export const challenge: Readonly<Record<string, string>> = { "www-authenticate": "Bearer" };

// ModelMesh refuses trailers above 8 KiB, and grpc-message encodes a non-ASCII character as 6 to 12 bytes: the
// limit counts the bytes that are sent, not the characters.
const maxEncodedLength = 1000;

/** Any thrown value as the error that goes over the wire. Clients see only messages of RuntimeErrors; any other
 *  error becomes "internal error" and keeps its text in `cause`. */
export function toConnectError(reason: unknown): ConnectError {
  if (reason instanceof ConnectError) {
    repairError(reason);
    return reason;
  }
  if (reason instanceof RuntimeError) {
    const code = codes[reason.kind];
    const metadata = reason.kind === "unauthenticated" ? challenge : undefined;
    const make = () => {
      return new ConnectError(wireMessage(reason, code), code, metadata, undefined, reason);
    };
    // Clients can cause these by the thousand.
    const isCommon = reason.kind === "overloaded" || reason.kind === "unauthenticated";
    return isCommon ? withoutStack(make) : make();
  }
  if (reason instanceof Error && (reason.name === "AbortError" || isCutOff(reason))) {
    // Node's reasons for an HTTP/1.1 request whose connection is gone, and for a truncated body.
    return new ConnectError("the client went away", Code.Canceled, undefined, undefined, reason);
  }
  if (reason instanceof Error && reason.name === "TimeoutError") {
    const message = "the deadline of this call has passed";
    return new ConnectError(message, Code.DeadlineExceeded, undefined, undefined, reason);
  }
  return new ConnectError("internal error", Code.Internal, undefined, undefined, reason);
}

function isCutOff({ code, syscall, message }: NodeJS.ErrnoException): boolean {
  if (code === "ERR_STREAM_PREMATURE_CLOSE") return true;
  // The caller's own connection; errors of connections to others name their address or are RuntimeErrors.
  const isOfSocket = syscall === "write" || syscall === "read";
  return isOfSocket && cutCodes.has(code ?? "") && message === `${syscall} ${code}`;
}

const cutCodes: ReadonlySet<string> = new Set(["ECANCELED", "ECONNRESET", "EPIPE"]);

/** The HTTP status that REST uses for an error of `code`. */
export function toHttpStatus(code: Code): number {
  return httpStatuses[code];
}

/** The HTTP status for an error of `code` that ends a request before it has arrived. */
export function toEarlyStatus(code: Code): number {
  return earlyStatuses[code] ?? httpStatuses[code];
}

/** The message size limit under the name by which operators can change it. */
export function messageLimit(maxBytes: number): string {
  return `MAX_MESSAGE_BYTES (${maxBytes})`;
}

/** Repairs an error that Connect made, in place, since it may be about to be written: names the limit after our
 *  setting, and makes a malformed message the client's mistake. Returns whether it was one. */
export function repairError(error: ConnectError): boolean {
  nameLimit(error);
  return blameUnreadable(error);
}

// Connect names the limit after its own option.
function nameLimit(error: ConnectError): void {
  const named = (text: string) =>
    text.replace(/configured readMaxBytes (\d+)/, (_, bytes) => messageLimit(Number(bytes)));
  const writable: { rawMessage: string; message: string } = error;
  if (!error.rawMessage.includes("readMaxBytes")) return;
  writable.message = named(error.message);
  writable.rawMessage = named(error.rawMessage);
}

// Connect reports a malformed protobuf message as "internal", on which clients retry and operators are alerted.
// It is the client's mistake, as with JSON.
function blameUnreadable(error: ConnectError): boolean {
  if (error.code !== Code.Internal || !error.rawMessage.startsWith("parse binary: ")) return false;
  const writable: { code: Code } = error;
  writable.code = Code.InvalidArgument;
  return true;
}

/** The value of a grpc-message trailer: printable ASCII unchanged, everything else (and "%") as percent-encoded
 *  UTF-8. */
export function encodeGrpcMessage(text: string): string {
  return text.toWellFormed().replace(/[^\x20-\x24\x26-\x7e]+/g, encodeURIComponent);
}

function wireMessage(reason: RuntimeError, code: Code): string {
  const message = clip(describeError(reason).toWellFormed());
  return looksLikeModelNotFound(message, code) ? `${message}.` : message;
}

// ModelMesh treats these two messages as NOT_FOUND, whatever their code, and loads the model again.
function looksLikeModelNotFound(message: string, code: Code): boolean {
  if (code === Code.InvalidArgument) return /^Model .* not found$/.test(message);
  if (code !== Code.Unavailable) return false;
  return /^Request for unknown model.*( is not found| has no available versions)$/.test(message);
}

function clip(message: string): string {
  if (encodeGrpcMessage(message).length <= maxEncodedLength) return message;
  let length = encodeGrpcMessage("…").length;
  let clipped = "";
  for (const letter of message) {
    length += encodeGrpcMessage(letter).length;
    if (length > maxEncodedLength) break;
    clipped += letter;
  }
  return `${clipped.trimEnd()}…`;
}

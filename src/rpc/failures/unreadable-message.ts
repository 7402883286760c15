import { Code, ConnectError, type HandlerContext } from "@connectrpc/connect";
import { nameLimit } from "./named-limit.ts";

/** Connect reports a malformed protobuf message as "internal", on which clients retry and operators are
 *  alerted. It is the client's mistake, as with JSON: changes the code of such an error, in place, to
 *  "invalid_argument". Returns whether `reason` was one. */
export function blameUnreadable(reason: unknown): reason is ConnectError {
  if (!(reason instanceof ConnectError) || reason.code !== Code.Internal) return false;
  if (!reason.rawMessage.startsWith("parse binary: ")) return false;
  const writable: { code: Code } = reason;
  writable.code = Code.InvalidArgument;
  return true;
}

/** Does so for the message of a unary call, which Connect reads before any interceptor runs. Connect aborts the
 *  context with the error just before it writes it. */
export function watchUnreadable(
  context: HandlerContext,
  onUnreadable: (error: ConnectError) => void,
): void {
  const { signal } = context;
  const onAbort = () => {
    if (signal.reason instanceof ConnectError) nameLimit(signal.reason);
    if (blameUnreadable(signal.reason)) onUnreadable(signal.reason);
  };
  signal.addEventListener("abort", onAbort, { once: true });
}

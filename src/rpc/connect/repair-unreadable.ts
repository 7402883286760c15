import { ConnectError, type HandlerContext } from "@connectrpc/connect";
import { repairError } from "../failures/error-codes.ts";

/** Repairs the error that ends a unary call whose message Connect cannot read, which happens before any
 *  interceptor runs, and calls `onUnreadable` if the message is malformed. Connect aborts the context with the
 *  error just before it writes it. */
export function repairUnreadable(
  context: HandlerContext,
  onUnreadable: (error: ConnectError) => void,
): void {
  const { signal } = context;
  const onAbort = () => {
    const { reason } = signal;
    if (reason instanceof ConnectError && repairError(reason)) onUnreadable(reason);
  };
  signal.addEventListener("abort", onAbort, { once: true });
}

import type { ConnectError } from "@connectrpc/connect";

/** The message size limit under the name by which operators can change it. */
export function messageLimit(maxBytes: number): string {
  return `MAX_MESSAGE_BYTES (${maxBytes})`;
}

/** Connect names the limit after its own option. Puts our name in its place, in `error` itself, which may be
 *  about to be written. */
export function nameLimit(error: ConnectError): void {
  const named = (text: string) =>
    text.replace(/configured readMaxBytes (\d+)/, (_, bytes) => messageLimit(Number(bytes)));
  const writable: { rawMessage: string; message: string } = error;
  if (!error.rawMessage.includes("readMaxBytes")) return;
  writable.message = named(error.message);
  writable.rawMessage = named(error.rawMessage);
}

import type { ConnectError } from "@connectrpc/connect";

/** The limit of messages as those know it who can change it. */
export function messageLimit(maxBytes: number): string {
  return `MAX_MESSAGE_BYTES (${maxBytes})`;
}

/** Connect calls the limit by the name of its own option. Puts ours in its place, in `error` itself, which may be
 *  about to be written. */
export function nameLimit(error: ConnectError): void {
  const named = (text: string) =>
    text.replace(/configured readMaxBytes (\d+)/, (_, bytes) => messageLimit(Number(bytes)));
  const writable: { rawMessage: string; message: string } = error;
  if (!error.rawMessage.includes("readMaxBytes")) return;
  writable.message = named(error.message);
  writable.rawMessage = named(error.rawMessage);
}

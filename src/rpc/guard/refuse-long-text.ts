import { Code, ConnectError } from "@connectrpc/connect";
import { longText, maxTextBytes } from "./text-limit.ts";

/** Throws "invalid_argument" if a text that is no tensor has too many bytes. `what` names it in the message. */
export function refuseLongText(what: string, sizeBytes: number): void {
  if (sizeBytes <= maxTextBytes) return;
  throw new ConnectError(longText(what, sizeBytes), Code.InvalidArgument);
}

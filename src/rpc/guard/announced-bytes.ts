import type { IncomingHttpHeaders } from "node:http";

/** How much memory the reader of a body reserves before it arrives: the length in the header, or 0 if there
 *  is none or it exceeds `maxBytes`, which is refused because of the header alone. */
export function announcedBytes(headers: IncomingHttpHeaders, maxBytes: number): number {
  const bytes = Number(headers["content-length"] ?? 0);
  return Number.isSafeInteger(bytes) && bytes > 0 && bytes <= maxBytes ? bytes : 0;
}

import type { IncomingHttpHeaders } from "node:http";

/** What whoever reads the body takes memory for before it has arrived: what the head announces, 0 if that is
 *  nothing or more than `maxBytes`, which is refused by the head alone. */
export function announcedBytes(headers: IncomingHttpHeaders, maxBytes: number): number {
  const bytes = Number(headers["content-length"] ?? 0);
  return Number.isSafeInteger(bytes) && bytes > 0 && bytes <= maxBytes ? bytes : 0;
}

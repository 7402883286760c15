import type { IncomingMessage } from "node:http";

/** Whether an HTTP/1.1 request has at most one Host header. RFC 9112, 3.2: with several, a proxy may have
 *  chosen a different one than we do. Node keeps the first and drops the others. */
export function namesOneHost({ httpVersionMajor, rawHeaders }: IncomingMessage): boolean {
  if (httpVersionMajor > 1) return true;
  let count = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] as string;
    if (name.length === 4 && name.toLowerCase() === "host") count++;
  }
  return count <= 1;
}

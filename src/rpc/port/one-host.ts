import type { IncomingMessage } from "node:http";

/** Whether a request of HTTP/1.1 names one host at most. RFC 9112, 3.2: with several, whoever forwarded it may have
 *  taken another one for the server's than we do. Node keeps the first and forgets the others. */
export function namesOneHost({ httpVersionMajor, rawHeaders }: IncomingMessage): boolean {
  if (httpVersionMajor > 1) return true;
  let count = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] as string;
    if (name.length === 4 && name.toLowerCase() === "host") count++;
  }
  return count <= 1;
}

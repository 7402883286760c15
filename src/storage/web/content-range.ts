import type { IncomingMessage } from "node:http";

/** The offset in its file at which the body of a response starts. */
export function startOf(answer: IncomingMessage): number {
  if (answer.statusCode !== 206) return 0;
  const start = /^bytes (\d+)-/.exec(answer.headers["content-range"] ?? "")?.[1];
  return Number(start ?? 0);
}

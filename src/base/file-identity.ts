import type { BigIntStats } from "node:fs";

/** What tells the content of a file from that of all others, as far as the file system says without opening
 *  it. */
export function fileIdentity({ dev, ino, size, mtimeNs }: BigIntStats): string {
  return `${dev}:${ino}:${size}:${mtimeNs}`;
}

import type { BigIntStats } from "node:fs";

/** Identifies a file's content, as far as the file system can without opening the file. */
export function fileIdentity({ dev, ino, size, mtimeNs }: BigIntStats): string {
  return `${dev}:${ino}:${size}:${mtimeNs}`;
}

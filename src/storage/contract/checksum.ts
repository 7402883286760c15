import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import type { Checksum, Hasher } from "./remote-storage.ts";

export function createHasher(checksum: Checksum): Hasher {
  if ("newHasher" in checksum) return checksum.newHasher();
  const { algorithm } = checksum;
  if (algorithm === "crc32") {
    let value = 0;
    return {
      update: (bytes) => {
        value = crc32(bytes, value);
      },
      digest: () => value.toString(16).padStart(8, "0"),
    };
  }
  const hash = createHash(algorithm);
  return { update: (bytes) => void hash.update(bytes), digest: () => hash.digest("hex") };
}

import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import type { Checksum } from "./remote-storage.ts";

/** Takes a file's bytes in order. */
export interface Hasher {
  update(bytes: Uint8Array): void;
  /** Lower-case hex; ends the hasher. */
  digest(): string;
}

export function createHasher(algorithm: Checksum["algorithm"]): Hasher {
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

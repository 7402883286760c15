import { createHash } from "node:crypto";
import { Blake3 } from "./blake3.ts";

/** Takes bytes in order, then gives their digest once. */
export interface Hasher {
  update(bytes: Uint8Array): void;
  digest(): Buffer;
}

/** The digests of OpenSSF Model Signing, under the names that its signatures have, and their sizes in bytes. */
export const digestSizes = { sha256: 32, blake2b: 64, blake3: 32 } as const;

export type DigestName = keyof typeof digestSizes;

export function isDigestName(name: unknown): name is DigestName {
  return typeof name === "string" && Object.hasOwn(digestSizes, name);
}

export function newHasher(name: DigestName): Hasher {
  if (name === "blake3") return new Blake3();
  return createHash(name === "blake2b" ? "blake2b512" : name);
}

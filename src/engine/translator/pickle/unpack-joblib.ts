import { gunzipSync, inflateSync } from "node:zlib";
import { refuse } from "./refuse.ts";

/** Of what a compressed file may unpack to. */
const maxUnpackedBytes = 1024 ** 3;

/** Compressions that joblib may use and that are not unpacked, by their first bytes. */
const refused: readonly (readonly [string, readonly number[]])[] = [
  ["bz2", [0x42, 0x5a, 0x68]],
  ["xz", [0xfd, 0x37, 0x7a, 0x58, 0x5a]],
  ["lzma", [0x5d, 0x00, 0x00]],
  ["lz4", [0x04, 0x22, 0x4d, 0x18]],
];

/** The pickle in a file that joblib compressed with zlib or gzip; any other file as it is. Throws RuntimeError
 *  "invalid-argument" for other compressions, damage, and more than `limit` bytes. */
export function unpackJoblib(file: Uint8Array, limit: number = maxUnpackedBytes): Uint8Array {
  for (const [name, mark] of refused) {
    if (mark.every((byte, at) => file[at] === byte)) {
      refuse(
        `the file is compressed with ${name}: write it again with joblib.dump(model, path), or with compress=3`,
      );
    }
  }
  // "ZF" and a length in text: joblib before 0.10.
  if (file[0] === 0x5a && file[1] === 0x46) {
    refuse("the file was written by joblib before 0.10: write it again with a current joblib");
  }
  const unpack = unpackerOf(file);
  if (unpack === undefined) return file;
  try {
    return unpack(file, { maxOutputLength: limit });
  } catch (failure) {
    const code = (failure as NodeJS.ErrnoException).code ?? "";
    return code === "ERR_BUFFER_TOO_LARGE"
      ? refuse(`the compressed file unpacks to more than ${limit / 1024 ** 2} MiB: that is refused`)
      : refuse("the compressed file cannot be unpacked: it is cut short or damaged; copy it again");
  }
}

type Unpack = (file: Uint8Array, options: { maxOutputLength: number }) => Uint8Array;

function unpackerOf(file: Uint8Array): Unpack | undefined {
  const [first = 0, second = 0] = file;
  if (first === 0x1f && second === 0x8b) return gunzipSync;
  const isZlib = first === 0x78 && ((first << 8) | second) % 31 === 0;
  return isZlib ? inflateSync : undefined;
}

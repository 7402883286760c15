import { closeSync, readSync } from "node:fs";
import { basename } from "node:path";
import { openRegularFileSync } from "../../base/files/regular-file.ts";
import { headBytes } from "../../models/names.ts";

/** The parts of a file from which its kind is determined. */
export interface FileSample {
  /** Name without the folder. */
  readonly name: string;
  readonly sizeBytes: number;
  /** The first and the last bytes, up to 64 KiB each; they overlap in a small file. */
  readonly head: Buffer;
  readonly tail: Buffer;
}

const maxBytes = headBytes;

/** Undefined if the file cannot be read. Blocks. */
export function sampleFile(file: string): FileSample | undefined {
  try {
    const { descriptor, sizeBytes } = openRegularFileSync(file);
    try {
      const length = Math.min(sizeBytes, maxBytes);
      const head = readAt(descriptor, 0, length);
      const tail = sizeBytes <= maxBytes ? head : readAt(descriptor, sizeBytes - length, length);
      return { name: basename(file), sizeBytes, head, tail };
    } finally {
      closeSync(descriptor);
    }
  } catch {
    return undefined;
  }
}

/** The content of an archive's entry, as if it were a file itself. */
export function sampleBytes(name: string, bytes: Buffer): FileSample {
  return {
    name,
    sizeBytes: bytes.length,
    head: bytes.subarray(0, maxBytes),
    tail: bytes.subarray(-maxBytes),
  };
}

function readAt(descriptor: number, position: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  return bytes.subarray(0, readSync(descriptor, bytes, 0, length, position));
}

import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { basename } from "node:path";

/** What is looked at to tell what a file is. */
export interface FileSample {
  /** Without its folder. */
  readonly name: string;
  readonly sizeBytes: number;
  /** The first and the last bytes, up to 64 KiB each; they overlap in a small file. */
  readonly head: Buffer;
  readonly tail: Buffer;
}

const maxBytes = 64 * 1024;

/** Undefined if the file cannot be read. Blocks. */
export function sampleFile(file: string): FileSample | undefined {
  try {
    const descriptor = openSync(file, "r");
    try {
      const { size } = fstatSync(descriptor);
      const length = Math.min(size, maxBytes);
      const head = readAt(descriptor, 0, length);
      const tail = size <= maxBytes ? head : readAt(descriptor, size - length, length);
      return { name: basename(file), sizeBytes: size, head, tail };
    } finally {
      closeSync(descriptor);
    }
  } catch {
    return undefined;
  }
}

/** What has been taken out of a file, as if it were one itself. */
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

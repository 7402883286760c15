import { isUtf8 } from "node:buffer";
import { closeSync, readSync } from "node:fs";
import { RuntimeError } from "../../../base/errors.ts";
import { fromFileError } from "../../../base/files/file-errors.ts";
import { openRegularFileSync } from "../../../base/files/regular-file.ts";
import { countMembers } from "./count-members.ts";
import { type HeaderEntry, headerEntries } from "./header-entries.ts";
import type { TensorPlace, TensorTable } from "./tensor-table.ts";

/** Bytes of the number that a file starts with: how long its header is. */
const lengthBytes = 8;
/** Room for a hundred thousand tensors, while the largest encoders have a few hundred. The format allows 100 MB, which
 *  would take ten times as much memory to parse. */
const maxHeaderBytes = 16_000_000;
const lfsPointer = "version https://git-lfs";

/** The tensors of a safetensors file, by name. Reads the header only. Throws RuntimeError "invalid-argument" for content
 *  that is not a complete, consistent safetensors file, "failed-precondition" (missing, not readable) or
 *  "temporarily-unavailable". Safe on any bytes. Blocks. */
export function readSafetensorsHeader(file: string): TensorTable {
  try {
    const { descriptor, sizeBytes } = openRegularFileSync(file);
    try {
      return readTable({ file, descriptor, sizeBytes });
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    throw fromFileError(error, file);
  }
}

interface OpenFile {
  readonly file: string;
  readonly descriptor: number;
  readonly sizeBytes: number;
}

function readTable(open: OpenFile): TensorTable {
  const { file, sizeBytes } = open;
  const headerBytes = headerLength(open);
  const text = readBytes(open, lengthBytes, headerBytes);
  const start = lengthBytes + headerBytes;
  const header = parseHeader(file, text);
  const table = new Map<string, TensorPlace>();
  for (const entry of headerEntries({ file, header, dataBytes: sizeBytes - start })) {
    table.set(entry.name, placeOf(entry, file, start));
  }
  return table;
}

function placeOf({ type, shape, begin, end }: HeaderEntry, file: string, start: number) {
  return { type, shape, file, offset: start + begin, length: end - begin };
}

function headerLength(open: OpenFile): number {
  const { file, sizeBytes } = open;
  if (sizeBytes < lengthBytes) {
    throw refusal(file, `it has only ${sizeBytes} bytes`);
  }
  const length = readBytes(open, 0, lengthBytes).readBigUInt64LE();
  if (length > maxHeaderBytes) {
    if (isPointer(open)) throw refusal(file, "it is a pointer of Git LFS: run `git lfs pull`");
    throw refusal(
      file,
      `its header would have ${length} bytes, at most ${maxHeaderBytes} are allowed`,
    );
  }
  if (length > sizeBytes - lengthBytes) {
    const found = sizeBytes - lengthBytes;
    throw refusal(
      file,
      `its header should have ${length} bytes, but ${found} follow: it was cut off`,
    );
  }
  return Number(length);
}

function isPointer(open: OpenFile): boolean {
  const length = Math.min(open.sizeBytes, lfsPointer.length);
  return readBytes(open, 0, length).toString("latin1") === lfsPointer;
}

function parseHeader(file: string, bytes: Buffer): Readonly<Record<string, unknown>> {
  if (!isUtf8(bytes)) throw refusal(file, "its header is not UTF-8");
  let header: unknown;
  try {
    header = JSON.parse(bytes.toString());
  } catch {
    throw refusal(file, "its header is not JSON");
  }
  if (typeof header !== "object" || header === null || Array.isArray(header)) {
    throw refusal(file, "its header is not a JSON object");
  }
  // JSON.parse keeps the last of several, other readers the first.
  if (countMembers(bytes) !== membersOf(header)) {
    throw refusal(file, "its header names something twice");
  }
  return header as Readonly<Record<string, unknown>>;
}

/** Those of entries included. Where entries are nested deeper, the header is refused in any case. */
function membersOf(header: object): number {
  let count = 0;
  for (const entry of Object.values(header)) {
    count += 1 + (typeof entry === "object" && entry !== null ? keysOf(entry) : 0);
  }
  return count;
}

function keysOf(entry: object): number {
  return Array.isArray(entry) ? 0 : Object.keys(entry).length;
}

function readBytes({ file, descriptor }: OpenFile, start: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let filled = 0; filled < length; ) {
    const count = readSync(descriptor, bytes, filled, length - filled, start + filled);
    if (count === 0) throw refusal(file, "it shrank while it was read");
    filled += count;
  }
  return bytes;
}

function refusal(file: string, why: string): RuntimeError {
  return new RuntimeError("invalid-argument", `${file} is not a complete safetensors file: ${why}`);
}

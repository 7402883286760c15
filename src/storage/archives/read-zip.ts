import { type FileHandle, open } from "node:fs/promises";
import { Readable } from "node:stream";
import { crc32, createInflateRaw } from "node:zlib";
import { type ArchiveEntry, badArchive } from "./archive-entry.ts";
import { readAt, readZipDirectory, type ZipRecord } from "./zip-directory.ts";

const localSignature = 0x04034b50;
const localBytes = 30;
const chunkBytes = 256 * 1024;
/** Of Unix: the type's part of a mode, and the types. 0: the archive has no modes. */
const typeMask = 0xf000;
const kinds: ReadonlyMap<number, ArchiveEntry["kind"]> = new Map([
  [0, "file"],
  [0x4000, "folder"],
  [0x8000, "file"],
  [0xa000, "link"],
]);
const maxTargetBytes = 4096;

/** The entries of the zip archive at `path`, in the order of their data, which is how a disk reads best. Throws
 *  "invalid-argument" for other content, encrypted entries, methods other than stored and deflate, entries that
 *  share bytes, and damage. */
export async function* readZip(path: string, what: string): AsyncGenerator<ArchiveEntry> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const records = await readZipDirectory(file, size, what);
    const names = new Set<string>();
    let end = 0;
    for (const record of records) {
      if (names.has(record.name)) throw badArchive(what, `it has '${shown(record)}' twice`);
      names.add(record.name);
      // An archive whose entries share their data unpacks to much more than a compressor can pack.
      if (record.offset < end) throw badArchive(what, "entries of it overlap");
      end = record.offset + localBytes + record.packedBytes;
      yield await entryOf(file, record, what);
    }
  } finally {
    await file.close();
  }
}

async function entryOf(file: FileHandle, record: ZipRecord, what: string): Promise<ArchiveEntry> {
  // PowerShell's first archives have backslashes.
  const name = record.name.replaceAll("\\", "/");
  const byMode = kinds.get(record.mode & typeMask) ?? "special file";
  const kind = name.endsWith("/") ? "folder" : byMode;
  const bytes = () => contentOf(file, record, what);
  const target = kind === "link" ? await readTarget(bytes(), record, what) : "";
  return { name, kind, sizeBytes: kind === "file" ? record.sizeBytes : 0, target, bytes };
}

async function readTarget(
  bytes: AsyncIterable<Uint8Array>,
  record: ZipRecord,
  what: string,
): Promise<string> {
  if (record.sizeBytes > maxTargetBytes) throw badArchive(what, `'${shown(record)}' is too long`);
  const parts: Uint8Array[] = [];
  for await (const part of bytes) parts.push(part);
  return Buffer.concat(parts).toString("utf8");
}

async function* contentOf(
  file: FileHandle,
  record: ZipRecord,
  what: string,
): AsyncGenerator<Uint8Array> {
  const damaged = () => badArchive(what, `'${shown(record)}' is damaged`);
  if (record.isEncrypted) throw badArchive(what, `'${shown(record)}' is encrypted`);
  if (record.method !== 0 && record.method !== 8) {
    const method = `'${shown(record)}' is compressed with method ${record.method}`;
    throw badArchive(what, `${method}, expected deflate`);
  }
  let sizeBytes = 0;
  let crc = 0;
  try {
    for await (const part of record.method === 0
      ? packedBytes(file, record, damaged)
      : inflated(packedBytes(file, record, damaged))) {
      sizeBytes += part.length;
      if (sizeBytes > record.sizeBytes) throw damaged();
      crc = crc32(part, crc);
      yield part;
    }
  } catch (error) {
    throw String((error as NodeJS.ErrnoException).code).startsWith("Z_") ? damaged() : error;
  }
  if (sizeBytes !== record.sizeBytes || crc !== record.crc) throw damaged();
}

async function* packedBytes(
  file: FileHandle,
  { offset, packedBytes: length }: ZipRecord,
  damaged: () => Error,
): AsyncGenerator<Buffer> {
  const head = await readAt(file, offset, localBytes);
  if (head.length < localBytes || head.readUInt32LE(0) !== localSignature) throw damaged();
  const start = offset + localBytes + head.readUInt16LE(26) + head.readUInt16LE(28);
  for (let at = 0; at < length; at += chunkBytes) {
    const size = Math.min(chunkBytes, length - at);
    const chunk = await readAt(file, start + at, size);
    if (chunk.length < size) throw damaged();
    yield chunk;
  }
}

async function* inflated(packed: AsyncGenerator<Buffer>): AsyncGenerator<Uint8Array> {
  const inflate = createInflateRaw({ chunkSize: chunkBytes });
  const source = Readable.from(packed);
  source.on("error", (error) => inflate.destroy(error));
  source.pipe(inflate);
  try {
    yield* inflate as AsyncIterable<Uint8Array>;
  } finally {
    inflate.destroy();
    source.destroy();
  }
}

function shown({ name }: ZipRecord): string {
  return name.slice(0, 200);
}

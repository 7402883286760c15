import type { FileHandle } from "node:fs/promises";
import { badArchive } from "./archive-entry.ts";

/** An entry as the directory at the end of a zip archive describes it. */
export interface ZipRecord {
  readonly name: string;
  /** 0: stored, 8: deflated. */
  readonly method: number;
  readonly isEncrypted: boolean;
  readonly crc: number;
  readonly packedBytes: number;
  readonly sizeBytes: number;
  /** Where its local header starts. */
  readonly offset: number;
  /** Of Unix; 0 if another system wrote it. */
  readonly mode: number;
}

const endSignature = 0x06054b50;
const endBytes = 22;
const end64Signature = 0x06064b50;
const locator64Signature = 0x07064b50;
const recordSignature = 0x02014b50;
const maxDirectoryBytes = 64 * 1024 * 1024;
const unixSystem = 3;
const inExtra16 = 0xffff;
const inExtra32 = 0xffffffff;

/** All entries of a zip archive, zip64 included, in the order of their data. Throws "invalid-argument" for other
 *  content and for archives of several parts. `sizeBytes`: the file's. */
export async function readZipDirectory(
  file: FileHandle,
  sizeBytes: number,
  what: string,
): Promise<ZipRecord[]> {
  const { offset, length, count } = await findDirectory(file, sizeBytes, what);
  if (length > maxDirectoryBytes) throw badArchive(what, "it has too many entries");
  if (offset + length > sizeBytes) throw badArchive(what, "it is damaged, or ends too early");
  const bytes = await readAt(file, offset, length);
  const records: ZipRecord[] = [];
  let at = 0;
  while (records.length < count) {
    if (at + 46 > bytes.length || bytes.readUInt32LE(at) !== recordSignature) {
      throw badArchive(what, "its directory is damaged");
    }
    const [name, extra, comment] = [28, 30, 32].map((field) => bytes.readUInt16LE(at + field));
    const end = at + 46 + (name ?? 0) + (extra ?? 0) + (comment ?? 0);
    if (end > bytes.length) throw badArchive(what, "its directory is damaged");
    records.push(readRecord(bytes.subarray(at, end), what));
    at = end;
  }
  return records.sort((a, b) => a.offset - b.offset);
}

/** `length` bytes from `offset` on; fewer at the end of the file. */
export async function readAt(file: FileHandle, offset: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  let read = 0;
  while (read < length) {
    const { bytesRead } = await file.read(buffer, read, length - read, offset + read);
    if (bytesRead === 0) break;
    read += bytesRead;
  }
  return buffer.subarray(0, read);
}

async function findDirectory(file: FileHandle, sizeBytes: number, what: string) {
  const tailBytes = Math.min(sizeBytes, endBytes + inExtra16);
  const tail = await readAt(file, sizeBytes - tailBytes, tailBytes);
  const at = findEnd(tail);
  if (at < 0) throw badArchive(what, "it is not a zip archive, or ends too early");
  const [disk = 0, start = 0] = [tail.readUInt16LE(at + 4), tail.readUInt16LE(at + 6)];
  const count = tail.readUInt16LE(at + 10);
  const length = tail.readUInt32LE(at + 12);
  const offset = tail.readUInt32LE(at + 16);
  const is64 = count === inExtra16 || length === inExtra32 || offset === inExtra32;
  const locator = is64 && at >= 20 ? tail.subarray(at - 20, at) : undefined;
  if (locator === undefined || locator.readUInt32LE(0) !== locator64Signature) {
    if (disk !== 0 || start !== 0) throw badArchive(what, "it is one of several parts");
    return { offset, length, count };
  }
  const end64 = await readAt(file, toNumber(locator.readBigUInt64LE(8), what), 56);
  if (end64.length < 56 || end64.readUInt32LE(0) !== end64Signature) {
    throw badArchive(what, "its directory is damaged");
  }
  const [entries = 0, size = 0, from = 0] = [32, 40, 48].map((field) =>
    toNumber(end64.readBigUInt64LE(field), what),
  );
  return { offset: from, length: size, count: entries };
}

/** The last signature whose comment ends with the file. */
function findEnd(tail: Buffer): number {
  for (let at = tail.length - endBytes; at >= 0; at--) {
    if (tail.readUInt32LE(at) !== endSignature) continue;
    if (at + endBytes + tail.readUInt16LE(at + 20) === tail.length) return at;
  }
  return -1;
}

function readRecord(bytes: Buffer, what: string): ZipRecord {
  const nameLength = bytes.readUInt16LE(28);
  const extra = bytes.subarray(46 + nameLength, 46 + nameLength + bytes.readUInt16LE(30));
  const larger = zip64Field(extra);
  let at = 0;
  /** Numbers that do not fit are in the extra field, in this order. */
  const number = (field: number) => {
    const value = bytes.readUInt32LE(field);
    if (value !== inExtra32 || larger === undefined) return value;
    if (at + 8 > larger.length) throw badArchive(what, "its directory is damaged");
    at += 8;
    return toNumber(larger.readBigUInt64LE(at - 8), what);
  };
  const sizeBytes = number(24);
  const packedBytes = number(20);
  const offset = number(42);
  return {
    name: bytes.toString("utf8", 46, 46 + nameLength),
    method: bytes.readUInt16LE(10),
    isEncrypted: (bytes.readUInt16LE(8) & 1) !== 0,
    crc: bytes.readUInt32LE(16),
    packedBytes,
    sizeBytes,
    offset,
    mode: bytes.readUInt8(5) === unixSystem ? bytes.readUInt16LE(40) : 0,
  };
}

function zip64Field(extra: Buffer): Buffer | undefined {
  for (let at = 0; at + 4 <= extra.length; at += 4 + extra.readUInt16LE(at + 2)) {
    const end = at + 4 + extra.readUInt16LE(at + 2);
    if (extra.readUInt16LE(at) === 1) return extra.subarray(at + 4, end);
  }
  return undefined;
}

function toNumber(value: bigint, what: string): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw badArchive(what, "its directory is damaged");
  return Number(value);
}

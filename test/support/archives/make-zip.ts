import { crc32, deflateRawSync } from "node:zlib";

/** An entry as a zip archive has it, however wrong it is. */
export interface ZipEntry {
  readonly name: string;
  readonly bytes?: Buffer | string;
  /** 0: stored, 8: deflated, which is the default. */
  readonly method?: number;
  /** Of Unix. */
  readonly mode?: number;
  readonly flags?: number;
  /** Instead of the true ones. */
  readonly crc?: number;
  readonly sizeBytes?: number;
  /** Where the directory says that it starts. */
  readonly offset?: number;
}

export function makeZip(entries: readonly ZipEntry[], comment = ""): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const entry of entries) {
    const { local, record } = partsOf(entry, at);
    parts.push(local);
    directory.push(record);
    at += local.length;
  }
  const records = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(records.length, 12);
  end.writeUInt32LE(at, 16);
  end.writeUInt16LE(comment.length, 20);
  return Buffer.concat([...parts, records, end, Buffer.from(comment)]);
}

function partsOf(entry: ZipEntry, at: number) {
  const { method = 8, mode = 0o100644, flags = 0 } = entry;
  const bytes = Buffer.from(entry.bytes ?? "");
  const packed = method === 8 ? deflateRawSync(bytes) : bytes;
  const name = Buffer.from(entry.name);
  const facts = Buffer.alloc(26);
  facts.writeUInt16LE(20, 0);
  facts.writeUInt16LE(flags, 2);
  facts.writeUInt16LE(method, 4);
  facts.writeUInt32LE(entry.crc ?? crc32(bytes), 10);
  facts.writeUInt32LE(packed.length, 14);
  facts.writeUInt32LE(entry.sizeBytes ?? bytes.length, 18);
  facts.writeUInt16LE(name.length, 22);
  const local = Buffer.concat([Buffer.from("PK\x03\x04", "latin1"), facts, name, packed]);
  const more = Buffer.alloc(14);
  more.writeUInt32LE((mode << 16) >>> 0, 6);
  more.writeUInt32LE(entry.offset ?? at, 10);
  const system = Buffer.from([20, 3]);
  const record = Buffer.concat([Buffer.from("PK\x01\x02", "latin1"), system, facts, more, name]);
  return { local, record };
}

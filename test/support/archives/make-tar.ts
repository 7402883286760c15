/** An entry as a tar archive has it, however wrong it is. */
export interface TarEntry {
  readonly name: string;
  /** The character of its type; "0" is a file. */
  readonly type?: string;
  readonly bytes?: Buffer | string;
  readonly target?: string;
  /** The size in the header, if it is not that of the bytes. */
  readonly sizeBytes?: number;
}

const block = 512;

/** A ustar archive, with pax headers for names that are too long. */
export function makeTar(entries: readonly TarEntry[], end = Buffer.alloc(2 * block)): Buffer {
  return Buffer.concat([...entries.flatMap(entryOf), end]);
}

/** The text of an extended header. */
export function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  let length = Buffer.byteLength(rest) + 1;
  while (Buffer.byteLength(`${length}${rest}`) !== length) length++;
  return `${length}${rest}`;
}

function entryOf(entry: TarEntry): Buffer[] {
  const { name, type = "0", target = "" } = entry;
  const bytes = Buffer.from(entry.bytes ?? "");
  const pax =
    (Buffer.byteLength(name) > 100 ? paxRecord("path", name) : "") +
    (Buffer.byteLength(target) > 100 ? paxRecord("linkpath", target) : "");
  const before = pax === "" ? [] : entryOf({ name: "pax", type: "x", bytes: pax });
  const head = Buffer.alloc(block);
  head.write(name, 0, 100);
  head.write("0000644\0", 100);
  head.write(`${(entry.sizeBytes ?? bytes.length).toString(8).padStart(11, "0")}\0`, 124);
  head.write("        ", 148);
  head.write(type, 156);
  head.write(target, 157, 100);
  head.write("ustar\x0000", 257);
  const sum = head.reduce((total, byte) => total + byte, 0);
  head.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return [...before, head, bytes, Buffer.alloc((block - (bytes.length % block)) % block)];
}

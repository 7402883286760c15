import { inflateRawSync } from "node:zlib";
import { refuse, shown } from "./refuse.ts";

/** Of all entries that are read, unpacked. */
const maxUnpackedBytes = 1024 ** 3;
const endMark = 0x06054b50;
const centralMark = 0x02014b50;
const localMark = 0x04034b50;
const endBytes = 22;
const centralBytes = 46;
const localBytes = 30;
const methods = { stored: 0, deflated: 8 };

interface Entry {
  readonly method: number;
  readonly packedBytes: number;
  readonly bytes: number;
  readonly localAt: number;
}

/** The files in a zip archive, which are unpacked when they are read. */
export class ZipEntries {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #entries = new Map<string, Entry>();
  #left: number;

  /** Throws RuntimeError "invalid-argument" for an archive that is damaged or has sizes of 64 bits. `limit`: bytes that all
   *  files read may have. */
  constructor(bytes: Uint8Array, limit: number = maxUnpackedBytes) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#left = limit;
    this.#readDirectory();
  }

  has(name: string): boolean {
    return this.#entries.has(name);
  }

  /** A file's content: a view of the archive, or what it unpacks to. */
  read(name: string): Uint8Array {
    const entry = this.#entries.get(name);
    if (entry === undefined) return refuse(`the archive has no file '${shown(name)}'`);
    const at = entry.localAt;
    if (at + localBytes > this.#bytes.length || this.#view.getUint32(at, true) !== localMark) {
      return this.#damaged();
    }
    const start =
      at + localBytes + this.#view.getUint16(at + 26, true) + this.#view.getUint16(at + 28, true);
    const packed = this.#bytes.subarray(start, start + entry.packedBytes);
    if (packed.length !== entry.packedBytes) return this.#damaged();
    this.#left -= entry.bytes;
    if (this.#left < 0) {
      return refuse("the archive unpacks to more bytes than any model that can be served");
    }
    if (entry.method === methods.stored && entry.packedBytes === entry.bytes) return packed;
    if (entry.method !== methods.deflated) {
      return refuse(
        `'${shown(name)}' in the archive is packed in an unknown way: write it with skops.io.dump(model, path)`,
      );
    }
    return this.#unpack(packed, entry.bytes);
  }

  #unpack(packed: Uint8Array, bytes: number): Uint8Array {
    let content: Uint8Array;
    try {
      content = inflateRawSync(packed, { maxOutputLength: Math.max(bytes, 1) });
    } catch {
      return this.#damaged();
    }
    return content.length === bytes ? content : this.#damaged();
  }

  #readDirectory(): void {
    const view = this.#view;
    // A comment of up to 64 KiB may follow the end.
    let end = view.byteLength - endBytes;
    const lowest = Math.max(0, end - 0xffff);
    while (end >= lowest && view.getUint32(end, true) !== endMark) end--;
    if (end < lowest) this.#damaged();
    const count = view.getUint16(end + 10, true);
    let at = view.getUint32(end + 16, true);
    if (count === 0xffff || at === 0xffffffff) {
      refuse("the archive is of zip64, which is for larger models than can be served");
    }
    for (let entry = 0; entry < count; entry++) {
      if (at + centralBytes > end || view.getUint32(at, true) !== centralMark) this.#damaged();
      const nameBytes = view.getUint16(at + 28, true);
      const nameAt = at + centralBytes;
      const name = Buffer.from(this.#bytes.subarray(nameAt, nameAt + nameBytes)).toString("utf8");
      this.#entries.set(name, {
        method: view.getUint16(at + 10, true),
        packedBytes: view.getUint32(at + 20, true),
        bytes: view.getUint32(at + 24, true),
        localAt: view.getUint32(at + 42, true),
      });
      at = nameAt + nameBytes + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
    }
  }

  #damaged(): never {
    return refuse("the archive is cut short or damaged: copy it again");
  }
}

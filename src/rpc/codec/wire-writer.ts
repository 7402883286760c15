/** Up to this size a copy costs less than a chunk of its own. */
const copyBytes = 4 * 1024;
const fewLetters = 32;

/** Whether `data` becomes a chunk of its own, without a copy. */
export function isOwnChunk(data: Uint8Array): boolean {
  return data.length > copyBytes;
}

/** The size of `value`, below 2^32, as a varint. */
export function varintBytes(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x20_0000) return 3;
  return value < 0x1000_0000 ? 4 : 5;
}

/** The size of an int64 as a varint. */
export function int64Bytes(value: number): number {
  if (value < 0) return 10;
  let count = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) count++;
  return count;
}

/** Writes protobuf's wire format. Tags are those of fields 1 to 15: one byte. */
export class WireWriter {
  readonly #chunks: Uint8Array[] = [];
  readonly #buffer: Buffer;
  /** The start of the bytes in `#buffer` that are not in a chunk yet. */
  #start = 0;
  #position = 0;

  /** `capacityBytes`: exactly what will be written, without data that become chunks of their own. */
  constructor(capacityBytes: number) {
    this.#buffer = Buffer.allocUnsafe(capacityBytes);
  }

  byte(value: number): void {
    this.#buffer[this.#position++] = value;
  }

  uint32BigEndian(value: number): void {
    this.byte(value >>> 24);
    this.byte((value >>> 16) & 0xff);
    this.byte((value >>> 8) & 0xff);
    this.byte(value & 0xff);
  }

  /** Below 2^32. */
  varint(value: number): void {
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) {
      this.#buffer[this.#position++] = (rest % 0x80) | 0x80;
    }
    this.#buffer[this.#position++] = rest;
  }

  int64(value: number): void {
    if (value >= 0) {
      this.varint(value);
      return;
    }
    let rest = BigInt.asUintN(64, BigInt(value));
    for (; rest >= 0x80n; rest >>= 7n) this.byte(Number(rest & 0x7fn) | 0x80);
    this.byte(Number(rest));
  }

  /** `byteCount`: the size of `text` in UTF-8. */
  string(tag: number, text: string, byteCount: number): void {
    if (byteCount === 0) return;
    this.byte(tag);
    this.varint(byteCount);
    // In ASCII a byte is a character: writing a few of them costs less than a call into Node.
    if (byteCount === text.length && byteCount <= fewLetters) {
      for (let at = 0; at < byteCount; at++) this.byte(text.charCodeAt(at));
      return;
    }
    // Both encodings are the same for ASCII, and this one is faster.
    const encoding = byteCount === text.length ? "latin1" : "utf8";
    this.#position += this.#buffer.write(text, this.#position, encoding);
  }

  /** Hands `data` over. */
  data(data: Uint8Array): void {
    if (isOwnChunk(data)) {
      this.#flush();
      this.#chunks.push(data);
      return;
    }
    this.#buffer.set(data, this.#position);
    this.#position += data.length;
  }

  /** The written chunks, in order. */
  finish(): Uint8Array[] {
    if (this.#chunks.length === 0 && this.#position === this.#buffer.length) return [this.#buffer];
    this.#flush();
    return this.#chunks;
  }

  #flush(): void {
    if (this.#start === this.#position) return;
    this.#chunks.push(this.#buffer.subarray(this.#start, this.#position));
    this.#start = this.#position;
  }
}

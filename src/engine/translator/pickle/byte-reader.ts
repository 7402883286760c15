import { refuse } from "./refuse.ts";

const latin1 = new TextDecoder("latin1");
const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** Reads bytes one after the other. Throws RuntimeError "invalid-argument" at the end. */
export class ByteReader {
  readonly bytes: Uint8Array;
  position = 0;
  readonly #view: DataView;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get left(): number {
    return this.bytes.length - this.position;
  }

  byte(): number {
    return this.bytes[this.#step(1)] as number;
  }

  uint16(): number {
    return this.#view.getUint16(this.#step(2), true);
  }

  int32(): number {
    return this.#view.getInt32(this.#step(4), true);
  }

  uint32(): number {
    return this.#view.getUint32(this.#step(4), true);
  }

  /** A length of 8 bytes. */
  length64(): number {
    const at = this.#step(8);
    const length = this.#view.getBigUint64(at, true);
    if (length > BigInt(this.left)) this.#tooLong(length);
    return Number(length);
  }

  float64BigEndian(): number {
    return this.#view.getFloat64(this.#step(8), false);
  }

  /** A view of the next bytes. */
  take(count: number): Uint8Array {
    const at = this.#step(count);
    return this.bytes.subarray(at, at + count);
  }

  text(count: number): string {
    return utf8.decode(this.take(count));
  }

  latin1(count: number): string {
    return latin1.decode(this.take(count));
  }

  /** Up to the next line feed, which is skipped. */
  line(): string {
    const end = this.bytes.indexOf(0x0a, this.position);
    if (end === -1) this.#tooLong(this.left + 1);
    const text = this.text(end - this.position);
    this.position++;
    return text;
  }

  /** A whole number of any size, two's complement. */
  long(count: number): number | bigint {
    const bytes = this.take(count);
    let value = 0n;
    for (let at = count - 1; at >= 0; at--) value = (value << 8n) | BigInt(bytes[at] as number);
    value = BigInt.asIntN(8 * count, value);
    const small = Number(value);
    return Number.isSafeInteger(small) ? small : value;
  }

  #step(count: number): number {
    const at = this.position;
    if (count > this.left) this.#tooLong(count);
    this.position = at + count;
    return at;
  }

  #tooLong(wanted: number | bigint): never {
    return refuse(
      `the pickle ends at byte ${this.bytes.length}, where ${wanted} more bytes should follow byte ` +
        `${this.position}: the file is cut short or damaged; copy it again`,
    );
  }
}

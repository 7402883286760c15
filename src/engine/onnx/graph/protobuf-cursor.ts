import { readSync } from "node:fs";
import { RuntimeError } from "../../../base/errors.ts";

export const wireType = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/** Google's parser drops what does not fit into 32 bits, so that a longer tag means another field to it. */
const maxTagBytes = 5;
const maxTag = 2 ** 32 - 1;
/** A tag and a length or value, at most 10 bytes each. */
const maxHeaderBytes = 20;
const maxBufferBytes = 64 * 1024;

/** Reads protobuf fields of a file through one small buffer: what is skipped is never read. The methods
 *  that decode are synchronous and need `hold` first. All throw RuntimeError "invalid-argument". */
export class ProtobufCursor {
  readonly sizeBytes: number;
  /** Offset in the file of the next byte to decode. */
  position = 0;
  /** Undefined: all of it is in the buffer. */
  readonly #descriptor: number | undefined;
  readonly #name: string;
  readonly #buffer: Buffer;
  #bufferStart = 0;
  #bufferEnd = 0;

  /** `source`: the descriptor of a file, or a message in memory. */
  constructor(
    source: number | Uint8Array,
    options: { name: string; sizeBytes: number; buffer?: Buffer },
  ) {
    this.#name = options.name;
    this.sizeBytes = options.sizeBytes;
    if (typeof source === "number") {
      this.#descriptor = source;
      this.#buffer =
        options.buffer ?? Buffer.allocUnsafe(Math.min(options.sizeBytes, maxBufferBytes));
    } else {
      this.#buffer = Buffer.from(source.buffer, source.byteOffset, source.byteLength);
      this.#bufferEnd = source.byteLength;
    }
  }

  /** Whether the next `byteCount` bytes, or all up to the file's end, can be decoded now. */
  holds(byteCount = maxHeaderBytes): boolean {
    const end = Math.min(this.position + byteCount, this.sizeBytes);
    return this.position >= this.#bufferStart && end <= this.#bufferEnd;
  }

  /** Reads on, so that `holds` is true for up to 64 KiB. Blocks. */
  hold(): void {
    if (this.#descriptor === undefined) return;
    this.#bufferStart = this.position;
    this.#bufferEnd = this.position;
    while (this.#bufferEnd < this.sizeBytes) {
      const offset = this.#bufferEnd - this.#bufferStart;
      if (offset === this.#buffer.length) return;
      const length = Math.min(this.#buffer.length - offset, this.sizeBytes - this.#bufferEnd);
      const bytesRead = readSync(this.#descriptor, this.#buffer, offset, length, this.#bufferEnd);
      if (bytesRead === 0) throw this.corrupt("it became shorter while it was read");
      this.#bufferEnd += bytesRead;
    }
  }

  /** Number and wire type of the field that follows. */
  tag(end: number): number {
    const start = this.position;
    const tag = this.varint(end);
    if (this.position - start > maxTagBytes || tag > maxTag) {
      throw this.corrupt("a field has a number beyond 2^29");
    }
    return tag;
  }

  /** A base-128 integer; beyond 2^53 its value is rounded, as is that of a negative one. */
  varint(end: number): number {
    let value = 0;
    let scale = 1;
    for (let count = 0; count < 10; count++) {
      if (this.position >= end) throw this.corrupt("a number is cut off");
      const byte = this.#buffer[this.position - this.#bufferStart] as number;
      this.position++;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
    throw this.corrupt("a number has more than 10 bytes");
  }

  /** As `varint`, of an integer that may be negative and is then exact. */
  signedVarint(end: number): number {
    const start = this.position;
    const value = this.varint(end);
    if (this.position - start < 10) return value;
    // Ten bytes are a negative number's 64 bits. Near zero it is their complement that is small.
    let complement = 0;
    let scale = 1;
    for (let at = start; at < this.position; at++) {
      const bits = at === start + 9 ? 1 : 0x7f;
      complement += (~(this.#buffer[at - this.#bufferStart] as number) & bits) * scale;
      scale *= 128;
    }
    return -1 - complement;
  }

  /** An integer that Google's parser has in 32 bits: of a longer one, the lowest. */
  int32(end: number): number {
    const start = this.position;
    this.varint(end);
    let value = 0;
    for (let at = start, shift = 0; at < this.position && shift < 32; at++, shift += 7) {
      value |= ((this.#buffer[at - this.#bufferStart] as number) & 0x7f) << shift;
    }
    return value;
  }

  /** A little-endian number of 4 bytes, which `holds(4)` says are here. */
  float32(end: number): number {
    if (end - this.position < 4) throw this.corrupt("a field is cut off");
    const value = this.#buffer.readFloatLE(this.position - this.#bufferStart);
    this.position += 4;
    return value;
  }

  /** The `byteCount` bytes that `holds(byteCount)` says are here, valid until the next `hold`. */
  bytes(byteCount: number): Uint8Array {
    const start = this.position - this.#bufferStart;
    this.position += byteCount;
    return this.#buffer.subarray(start, start + byteCount);
  }

  /** The length of a field's content; the content lies before `end`, or the file is no such message. */
  length(end: number): number {
    const length = this.varint(end);
    if (length > end - this.position) {
      throw this.corrupt(
        end === this.sizeBytes
          ? `it is cut off: ${length - (end - this.position)} bytes are missing`
          : "a field is longer than the message around it",
      );
    }
    return length;
  }

  /** Passes over `byteCount` bytes without reading them. */
  skip(byteCount: number, end: number): void {
    if (byteCount > end - this.position) throw this.corrupt("a field is cut off");
    this.position += byteCount;
  }

  /** Text of `byteCount` bytes, which `holds(byteCount)` says are here. */
  text(byteCount: number): string {
    const start = this.position - this.#bufferStart;
    this.position += byteCount;
    return this.#buffer.toString("utf8", start, start + byteCount);
  }

  corrupt(why: string): RuntimeError {
    return new RuntimeError("invalid-argument", `${this.#name} is not an ONNX model: ${why}`);
  }
}

import { readSync } from "node:fs";
import { RuntimeError } from "../../../base/errors.ts";

export const wireType = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/** Google's parser drops bits beyond 32, so it would read a longer tag as another field. */
const maxTagBytes = 5;
const maxTag = 2 ** 32 - 1;
/** A tag and a length or value, at most 10 bytes each. */
const maxHeaderBytes = 20;
const maxBufferBytes = 64 * 1024;

/** Reads a file's protobuf fields through one small buffer: skipped content is never read. The methods that
 *  decode are synchronous and need `hold` first. All throw RuntimeError "invalid-argument". */
export class ProtobufCursor {
  readonly sizeBytes: number;
  /** File offset of the next byte to decode. */
  position = 0;
  /** Undefined: everything is in the buffer. */
  readonly #descriptor: number | undefined;
  readonly #name: string;
  readonly #buffer: Buffer;
  #bufferStart = 0;
  #bufferEnd = 0;

  /** `source`: a file descriptor, or a message in memory. */
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

  /** Whether the next `byteCount` bytes, or all up to the end of the file, can be decoded now. */
  holds(byteCount = maxHeaderBytes): boolean {
    const end = Math.min(this.position + byteCount, this.sizeBytes);
    return this.position >= this.#bufferStart && end <= this.#bufferEnd;
  }

  /** Reads ahead, so that `holds` is true for up to 64 KiB. Blocks. */
  hold(): void {
    if (this.#descriptor === undefined) return;
    this.#bufferStart = this.position;
    this.#bufferEnd = this.position;
    while (this.#bufferEnd < this.sizeBytes) {
      const offset = this.#bufferEnd - this.#bufferStart;
      if (offset === this.#buffer.length) return;
      const length = Math.min(this.#buffer.length - offset, this.sizeBytes - this.#bufferEnd);
      const bytesRead = readSync(this.#descriptor, this.#buffer, offset, length, this.#bufferEnd);
      if (bytesRead === 0) throw this.corrupt("it shrank while it was read");
      this.#bufferEnd += bytesRead;
    }
  }

  /** Number and wire type of the next field. */
  tag(end: number): number {
    const start = this.position;
    const tag = this.varint(end);
    if (this.position - start > maxTagBytes || tag > maxTag) {
      throw this.corrupt("a field has a number beyond 2^29");
    }
    return tag;
  }

  /** A base-128 integer; values beyond 2^53 and negative ones are rounded. */
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

  /** As `varint`, but exact for negative integers. */
  signedVarint(end: number): number {
    const start = this.position;
    const value = this.varint(end);
    if (this.position - start < 10) return value;
    // Ten bytes are a negative number's 64 bits. Near zero, their complement is small.
    let complement = 0;
    let scale = 1;
    for (let at = start; at < this.position; at++) {
      const bits = at === start + 9 ? 1 : 0x7f;
      complement += (~(this.#buffer[at - this.#bufferStart] as number) & bits) * scale;
      scale *= 128;
    }
    return -1 - complement;
  }

  /** An integer that Google's parser stores in 32 bits: the lowest 32 of a longer one. */
  int32(end: number): number {
    const start = this.position;
    this.varint(end);
    let value = 0;
    for (let at = start, shift = 0; at < this.position && shift < 32; at++, shift += 7) {
      value |= ((this.#buffer[at - this.#bufferStart] as number) & 0x7f) << shift;
    }
    return value;
  }

  /** A little-endian number of 4 bytes, for which `holds(4)` must be true. */
  float32(end: number): number {
    if (end - this.position < 4) throw this.corrupt("a field is cut off");
    const value = this.#buffer.readFloatLE(this.position - this.#bufferStart);
    this.position += 4;
    return value;
  }

  /** The next `byteCount` bytes, for which `holds(byteCount)` must be true; valid until the next `hold`. */
  bytes(byteCount: number): Uint8Array {
    const start = this.position - this.#bufferStart;
    this.position += byteCount;
    return this.#buffer.subarray(start, start + byteCount);
  }

  /** The length of a field's content; if the content does not end before `end`, the message is malformed. */
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

  /** Skips `byteCount` bytes without reading them. */
  skip(byteCount: number, end: number): void {
    if (byteCount > end - this.position) throw this.corrupt("a field is cut off");
    this.position += byteCount;
  }

  /** Text of `byteCount` bytes, for which `holds(byteCount)` must be true. */
  text(byteCount: number): string {
    const start = this.position - this.#bufferStart;
    this.position += byteCount;
    return this.#buffer.toString("utf8", start, start + byteCount);
  }

  corrupt(why: string): RuntimeError {
    return new RuntimeError("invalid-argument", `${this.#name} is not an ONNX model: ${why}`);
  }
}

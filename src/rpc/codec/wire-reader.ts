/** Thrown where a message is not in the plain form that our own decoders read. It may still be valid:
 *  protobuf-es decides, and words the error if it is not. */
export const irregular = new Error("not in the form that encoders usually write");

export const wireType = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const maxVarintBytes = 10;

/** By the hash of their bytes; longer names are rare, and this must stay small whatever is sent. */
const knownStrings: string[] = new Array<string>(256).fill("");
const maxKnownLetters = 64;

/** Reads protobuf's wire format from `bytes`. All methods throw `irregular` at anything that is not in the
 *  plain form, or would reach beyond `end`. */
export class WireReader {
  readonly bytes: Uint8Array;
  position = 0;
  /** Called with the size of packed elements before memory is allocated for them. May throw. */
  onElements: (count: number) => void = () => {};

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** A tag or a length: an unsigned varint of at most 32 bits. */
  uint32(end: number): number {
    const { bytes } = this;
    let value = 0;
    for (let scale = 1; scale <= 2 ** 28 && this.position < end; scale *= 128) {
      const byte = bytes[this.position++] as number;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (value >= 2 ** 32) throw irregular;
        return value;
      }
    }
    throw irregular;
  }

  /** An int64. Beyond 2^53 its value is rounded. */
  int64(end: number): number {
    const { bytes } = this;
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 7 * maxVarintBytes && this.position < end; shift += 7) {
      const byte = bytes[this.position++] as number;
      if (shift < 28) low |= (byte & 0x7f) << shift;
      else if (shift === 28) {
        low |= (byte & 0x0f) << 28;
        high = (byte & 0x7f) >> 4;
      } else high |= (byte & 0x7f) << (shift - 32);
      if (byte < 0x80) return high * 2 ** 32 + (low >>> 0);
    }
    throw irregular;
  }

  /** Where the content of a length-delimited field ends; it starts at `position`. */
  contentEnd(end: number): number {
    const length = this.uint32(end);
    if (length > end - this.position) throw irregular;
    return this.position + length;
  }

  /** A view. */
  view(end: number): Uint8Array {
    const contentEnd = this.contentEnd(end);
    const view = this.bytes.subarray(this.position, contentEnd);
    this.position = contentEnd;
    return view;
  }

  string(end: number): string {
    const contentEnd = this.contentEnd(end);
    const textStart = this.position;
    this.position = contentEnd;
    if (contentEnd - textStart <= maxKnownLetters) return this.#knownString(textStart, contentEnd);
    return this.#decodeUtf8(textStart, contentEnd);
  }

  /** Names of models, tensors and datatypes repeat from message to message: comparing one with its last
   *  occurrence costs less than decoding it again. */
  #knownString(start: number, end: number): string {
    const { bytes } = this;
    let hash = end - start;
    for (let at = start; at < end; at++) hash = (hash * 31 + (bytes[at] as number)) | 0;
    const slot = hash & (knownStrings.length - 1);
    const known = knownStrings[slot] as string;
    if (known.length === end - start) {
      let at = start;
      // Only ASCII is kept, where a character is a byte.
      while (at < end && bytes[at] === known.charCodeAt(at - start)) at++;
      if (at === end) return known;
    }
    const text = this.#decodeUtf8(start, end);
    if (text.length === end - start) knownStrings[slot] = text;
    return text;
  }

  /** Whether the next byte before `end` is this tag; if so, it is consumed. */
  takes(tag: number, end: number): boolean {
    if (this.position >= end || this.bytes[this.position] !== tag) return false;
    this.position++;
    return true;
  }

  /** Skips a field that is unknown in the message's definition. */
  skip(tag: number, end: number): void {
    switch (tag & 7) {
      case wireType.varint:
        this.int64(end);
        return;
      case wireType.fixed64:
        this.#advance(8, end);
        return;
      case wireType.bytes:
        this.position = this.contentEnd(end);
        return;
      case wireType.fixed32:
        this.#advance(4, end);
        return;
      default:
        throw irregular;
    }
  }

  #advance(byteCount: number, end: number): void {
    if (byteCount > end - this.position) throw irregular;
    this.position += byteCount;
  }

  #decodeUtf8(start: number, end: number): string {
    try {
      return strictUtf8.decode(this.bytes.subarray(start, end));
    } catch {
      throw irregular;
    }
  }
}

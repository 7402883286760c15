import { malformed } from "./lightgbm-refusal.ts";

const lineFeed = 10;
const carriageReturn = 13;
const equalsSign = 61;

/** A line is decoded into one string, which V8 limits to 512 MiB. */
const maxLineBytes = 2 ** 28;
const maxKeyBytes = 64;

/** The lines of a text, most of which are "key=value". Values are decoded only when they are asked for. */
export class KeyLines {
  readonly #text: Buffer;
  #next = 0;
  #start = 0;
  #end = 0;
  #keyEnd = 0;
  /** Where the next "=" is, from a line on that may be an earlier one: each part of the text is searched once. */
  #equals = -1;

  constructor(file: Uint8Array) {
    this.#text = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  }

  /** Moves to the next line; false after the last one. A line without its end counts: it may be the last. */
  next(): boolean {
    if (this.#next >= this.#text.length) return false;
    this.#start = this.#next;
    const feed = this.#text.indexOf(lineFeed, this.#start);
    this.#end = feed === -1 ? this.#text.length : feed;
    this.#next = this.#end + 1;
    if (this.#end > this.#start && this.#text[this.#end - 1] === carriageReturn) this.#end--;
    if (this.#equals < this.#start) {
      const equals = this.#text.indexOf(equalsSign, this.#start);
      this.#equals = equals === -1 ? this.#text.length : equals;
    }
    this.#keyEnd = Math.min(this.#equals, this.#end);
    return true;
  }

  /** What precedes the first "=", or the whole line. A text longer than any key is cut off. */
  get key(): string {
    return this.#decode(this.#start, Math.min(this.#keyEnd, this.#start + maxKeyBytes));
  }

  /** What follows the first "="; "" if there is none. */
  get value(): string {
    return this.#decode(Math.min(this.#keyEnd + 1, this.#end), this.#end);
  }

  get line(): string {
    return this.#decode(this.#start, this.#end);
  }

  #decode(start: number, end: number): string {
    if (end - start > maxLineBytes) {
      throw malformed(`it has a line of ${end - start} bytes, and at most 256 MiB are supported`);
    }
    return this.#text.toString("utf8", start, end);
  }
}

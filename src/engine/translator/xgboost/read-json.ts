import { RuntimeError } from "../../../base/errors.ts";
import { type DocumentOptions, type DocumentValue, mostLevels, packNumbers } from "./document.ts";
import { JsonNumber } from "./json-number.ts";

const code = {
  quote: 0x22,
  comma: 0x2c,
  colon: 0x3a,
  openList: 0x5b,
  backslash: 0x5c,
  closeList: 0x5d,
  openObject: 0x7b,
  closeObject: 0x7d,
} as const;

/** Words that stand for values. XGBoost writes, and reads, numbers that JSON does not have. */
const words: readonly (readonly [string, null | boolean | number])[] = [
  ["true", true],
  ["false", false],
  ["null", null],
  ["NaN", Number.NaN],
  ["Infinity", Number.POSITIVE_INFINITY],
  ["-Infinity", Number.NEGATIVE_INFINITY],
];

/** Reads a JSON file. Unlike `JSON.parse`, it needs no string of the whole file, and makes typed arrays of lists of
 *  numbers: some two bytes per byte of the file instead of six. `true` and `false` in such lists become 1 and 0. Throws
 *  RuntimeError "invalid-argument" for what is not JSON. */
export function readJson(file: Uint8Array, options: DocumentOptions): DocumentValue {
  return new JsonReader(file, options).document();
}

class JsonReader {
  readonly #bytes: Buffer;
  readonly #skip: ReadonlySet<string>;
  readonly #number: JsonNumber;
  /** The list of numbers being read. */
  #scratch = new Float64Array(1024);
  #at = 0;

  constructor(file: Uint8Array, { skip }: DocumentOptions) {
    this.#bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
    this.#number = new JsonNumber(this.#bytes);
    this.#skip = skip;
  }

  document(): DocumentValue {
    const value = this.#value(0, true);
    const next = this.#next();
    // A buffer that was written with its terminating zero.
    if (next !== -1 && next !== 0) throw this.#malformed("something follows its end");
    return value;
  }

  #value(level: number, isKept: boolean): DocumentValue {
    if (level > mostLevels) throw this.#malformed(`it has more than ${mostLevels} levels`);
    switch (this.#next()) {
      case code.openObject:
        return this.#object(level, isKept);
      case code.openList:
        return this.#list(level, isKept);
      case code.quote:
        return this.#text();
      default:
        return this.#plain();
    }
  }

  #object(level: number, isKept: boolean): DocumentValue {
    const fields = new Map<string, DocumentValue>();
    this.#at++;
    if (this.#next() === code.closeObject) {
      this.#at++;
      return fields;
    }
    for (;;) {
      if (this.#next() !== code.quote) throw this.#malformed("a key is missing");
      const key = this.#text();
      if (this.#next() !== code.colon) throw this.#malformed("a colon is missing");
      this.#at++;
      const isFieldKept = isKept && !this.#skip.has(key);
      const value = this.#value(level + 1, isFieldKept);
      if (isFieldKept) fields.set(key, value);
      if (!this.#goesOn(code.closeObject)) return fields;
    }
  }

  #list(level: number, isKept: boolean): DocumentValue {
    this.#at++;
    if (this.#next() === code.closeList) {
      this.#at++;
      return new Int32Array();
    }
    let count = 0;
    for (;;) {
      const next = this.#next();
      if (next === code.openObject || next === code.openList || next === code.quote) break;
      const value = this.#plain();
      if (value === null) throw this.#malformed("a list of numbers has a null");
      if (count === this.#scratch.length) this.#growScratch();
      this.#scratch[count++] = Number(value);
      if (!this.#goesOn(code.closeList)) {
        return isKept ? packNumbers(this.#scratch.subarray(0, count)) : null;
      }
    }
    const values: DocumentValue[] = Array.from(this.#scratch.subarray(0, count));
    do {
      const value = this.#value(level + 1, isKept);
      if (isKept) values.push(value);
    } while (this.#goesOn(code.closeList));
    return values;
  }

  /** Whether there is another element: reads a comma, or the end of an object or list. */
  #goesOn(end: number): boolean {
    const next = this.#next();
    if (next !== code.comma && next !== end) {
      throw this.#malformed(next === -1 ? "it is cut off" : "a comma is missing");
    }
    this.#at++;
    return next === code.comma;
  }

  #growScratch(): void {
    const larger = new Float64Array(this.#scratch.length * 2);
    larger.set(this.#scratch);
    this.#scratch = larger;
  }

  #text(): string {
    const start = this.#at + 1;
    let end = start;
    let hasEscapes = false;
    for (;;) {
      const byte = this.#bytes[end];
      if (byte === undefined) throw this.#malformed("it is cut off");
      if (byte === code.quote) break;
      if (byte === code.backslash) {
        hasEscapes = true;
        end++;
      }
      end++;
    }
    this.#at = end + 1;
    if (!hasEscapes) return this.#bytes.toString("utf8", start, end);
    try {
      return JSON.parse(this.#bytes.toString("utf8", start - 1, end + 1)) as string;
    } catch {
      throw this.#malformed("a text has an unknown escape");
    }
  }

  /** A number or a word. */
  #plain(): null | boolean | number {
    const value = this.#number.read(this.#at);
    if (this.#number.end > this.#at) {
      this.#at = this.#number.end;
      return value;
    }
    for (const [word, meaning] of words) {
      if (this.#bytes.toString("latin1", this.#at, this.#at + word.length) === word) {
        this.#at += word.length;
        return meaning;
      }
    }
    throw this.#malformed(this.#at >= this.#bytes.length ? "it is cut off" : "a value is missing");
  }

  /** The next byte that is not a space; -1 at the end. */
  #next(): number {
    for (;;) {
      const byte = this.#bytes[this.#at];
      if (byte === undefined) return -1;
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return byte;
      this.#at++;
    }
  }

  #malformed(problem: string): RuntimeError {
    return new RuntimeError(
      "invalid-argument",
      `this file looks like an XGBoost model in JSON, but ${problem} (near byte ${this.#at}): copy it again, or save the model again`,
    );
  }
}

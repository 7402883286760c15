import { RuntimeError } from "../../../base/errors.ts";
import {
  type DocumentOptions,
  type DocumentValue,
  mostLevels,
  type Numbers,
  packNumbers,
} from "./document.ts";

/** Markers of values, by their letters. Numbers are big-endian. */
const fixedBytes: Readonly<Record<string, number>> = { i: 1, U: 1, I: 2, l: 4, L: 8, d: 4, D: 8 };

/** Reads a UBJSON file (draft 12) with one value. Throws RuntimeError "invalid-argument" if it is not one. */
export function readUbjson(file: Uint8Array, options: DocumentOptions): DocumentValue {
  return new UbjsonReader(file, options).document();
}

class UbjsonReader {
  readonly #bytes: Buffer;
  readonly #skip: ReadonlySet<string>;
  #at = 0;

  constructor(file: Uint8Array, { skip }: DocumentOptions) {
    this.#bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
    this.#skip = skip;
  }

  document(): DocumentValue {
    return this.#value(this.#marker(), 0);
  }

  #value(marker: string, level: number): DocumentValue {
    if (level > mostLevels) throw this.#malformed(`it has more than ${mostLevels} levels`);
    switch (marker) {
      case "{":
        return this.#object(level);
      case "[":
        return this.#list(level);
      case "S":
        return this.#text(this.#length(this.#marker()));
      case "C":
        return this.#text(1);
      case "Z":
        return null;
      case "T":
        return true;
      case "F":
        return false;
      default:
        return this.#number(marker);
    }
  }

  /** Either with a count and without an end, or the other way round. */
  #object(level: number): DocumentValue {
    const fields = new Map<string, DocumentValue>();
    const { type, count } = this.#head();
    for (let read = 0; count === undefined || read < count; read++) {
      const marker = this.#marker();
      if (count === undefined && marker === "}") break;
      const key = this.#text(this.#length(marker));
      const value = this.#value(type ?? this.#marker(), level + 1);
      if (!this.#skip.has(key)) fields.set(key, value);
    }
    return fields;
  }

  #list(level: number): DocumentValue {
    const { type, count } = this.#head();
    if (type !== undefined && count !== undefined && type in fixedBytes) {
      return this.#numbers(type, count);
    }
    const values: DocumentValue[] = [];
    for (let read = 0; count === undefined || read < count; read++) {
      const marker = type ?? this.#marker();
      if (count === undefined && marker === "]") break;
      values.push(this.#value(marker, level + 1));
    }
    const numbers = values.map((value) => (typeof value === "boolean" ? Number(value) : value));
    const isNumeric = numbers.every((value) => typeof value === "number");
    return isNumeric ? packNumbers(Float64Array.from(numbers as number[])) : values;
  }

  /** Type and count of a container's elements, as far as they are given. */
  #head(): { readonly type?: string; readonly count?: number } {
    let type: string | undefined;
    if (this.#peek() === "$") {
      this.#at++;
      type = this.#marker();
      if (this.#peek() !== "#") throw this.#malformed("a list with a type has no count");
    }
    if (this.#peek() !== "#") return {};
    this.#at++;
    const count = this.#length(this.#marker());
    if (type === undefined) return { count };
    // Elements without any bytes could be as many as one likes.
    const bytes = fixedBytes[type] ?? ("SC".includes(type) ? 1 : undefined);
    if (bytes === undefined) throw this.#malformed(`a list has elements of type '${type}'`);
    if (count * bytes > this.#left) throw this.#cutOff(count * bytes);
    return { type, count };
  }

  #numbers(type: string, count: number): Numbers {
    const bytes = fixedBytes[type] as number;
    if (count * bytes > this.#left) throw this.#cutOff(count * bytes);
    const copy = new Uint8Array(count * bytes);
    copy.set(this.#bytes.subarray(this.#at, this.#at + count * bytes));
    this.#at += count * bytes;
    const native = Buffer.from(copy.buffer);
    if (bytes === 2) native.swap16();
    else if (bytes === 4) native.swap32();
    else if (bytes === 8) native.swap64();
    switch (type) {
      case "U":
        return copy;
      case "i":
        return new Int8Array(copy.buffer);
      case "I":
        return new Int16Array(copy.buffer);
      case "l":
        return new Int32Array(copy.buffer);
      case "d":
        return new Float32Array(copy.buffer);
      case "D":
        return new Float64Array(copy.buffer);
      default:
        return packNumbers(Float64Array.from(new BigInt64Array(copy.buffer), Number));
    }
  }

  #number(marker: string): number {
    const bytes = fixedBytes[marker];
    if (bytes === undefined) throw this.#malformed(`'${printable(marker)}' is not a type`);
    if (bytes > this.#left) throw this.#cutOff(bytes);
    const at = this.#at;
    this.#at += bytes;
    switch (marker) {
      case "U":
        return this.#bytes.readUInt8(at);
      case "i":
        return this.#bytes.readInt8(at);
      case "I":
        return this.#bytes.readInt16BE(at);
      case "l":
        return this.#bytes.readInt32BE(at);
      case "L":
        return Number(this.#bytes.readBigInt64BE(at));
      case "d":
        return this.#bytes.readFloatBE(at);
      default:
        return this.#bytes.readDoubleBE(at);
    }
  }

  /** A length or count, which the rest of the file has room for. */
  #length(marker: string): number {
    if (!(marker in fixedBytes) || marker === "d" || marker === "D") {
      throw this.#malformed(`a length is of type '${printable(marker)}'`);
    }
    const length = this.#number(marker);
    if (length < 0) throw this.#malformed(`a length is ${length}`);
    if (length > this.#left) throw this.#cutOff(length);
    return length;
  }

  #text(bytes: number): string {
    if (bytes > this.#left) throw this.#cutOff(bytes);
    this.#at += bytes;
    return this.#bytes.toString("utf8", this.#at - bytes, this.#at);
  }

  /** The next marker that is not a no-op. */
  #marker(): string {
    for (;;) {
      if (this.#left === 0) throw this.#cutOff(1);
      const marker = String.fromCharCode(this.#bytes[this.#at++] as number);
      if (marker !== "N") return marker;
    }
  }

  #peek(): string {
    return String.fromCharCode(this.#bytes[this.#at] ?? 0);
  }

  get #left(): number {
    return this.#bytes.length - this.#at;
  }

  #cutOff(needed: number): RuntimeError {
    return this.#malformed(
      `it is cut off: ${needed} bytes should follow byte ${this.#at}, and ${this.#left} do`,
    );
  }

  #malformed(problem: string): RuntimeError {
    return new RuntimeError(
      "invalid-argument",
      `this file looks like an XGBoost model in UBJSON, but ${problem} (near byte ${this.#at}): copy it again, or save the model again`,
    );
  }
}

function printable(marker: string): string {
  return /[ -~]/.test(marker) ? marker : `\\x${marker.charCodeAt(0).toString(16).padStart(2, "0")}`;
}

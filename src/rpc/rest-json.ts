import { constants } from "node:buffer";
import { describeError, RuntimeError } from "../errors.ts";

// JSON in which integers are exact. JavaScript's numbers end at 2^53, those of INT64 and UINT64 do not.

/** What Node 22 and later have, and the library of es2024 does not declare. */
interface JsonWithSource {
  parse(text: string, reviver: (key: string, value: unknown, context: Source) => unknown): unknown;
  rawJSON(text: string): unknown;
}
interface Source {
  /** The text of a primitive value; undefined for objects and arrays. */
  readonly source?: string;
}
const json = JSON as unknown as JsonWithSource;

const utf8 = new TextDecoder("utf-8", { fatal: true });

// The smallest integer beyond 2^53 has 16 digits. A longer fraction is no reason to take the slow way.
const longInteger = /(?:^|[[,:\s])-?\d{16,}(?![\d.eE])/;
// No integer of a tensor is longer; making a bigint of very many digits would take very long.
const maxIntegerLength = 20;

/** The value of a JSON text in UTF-8. An integer that no number can hold exactly, of up to 20 characters,
 *  becomes a bigint. Throws "invalid-argument"; `what` names the text in the message. */
export function parseJson(bytes: Uint8Array, what: string): unknown {
  const text = decodeText(bytes, what);
  try {
    return longInteger.test(text) ? json.parse(text, reviveInteger) : JSON.parse(text);
  } catch (cause) {
    // The reviver is called by recursion, so that a deep enough text ends in a RangeError.
    const why = cause instanceof RangeError ? "it is nested too deeply" : describeError(cause, 200);
    throw new RuntimeError("invalid-argument", `${what} is not JSON: ${why}`, { cause });
  }
}

/** An integer as an element of what `writeJson` writes, with all of its digits. */
export function jsonInteger(integer: bigint): unknown {
  const number = Number(integer);
  return Number.isSafeInteger(number) ? number : json.rawJSON(String(integer));
}

/** -0 as an element of what `writeJson` writes; JSON.stringify would drop its sign. With a fraction:
 *  readers that tell integers from floats (Python's) take "-0" for the integer 0. */
export const jsonMinusZero = json.rawJSON("-0.0");

/** The UTF-8 bytes of `value`. Throws "invalid-argument" if the text would be longer than a string of
 *  JavaScript can be. */
export function writeJson(value: unknown): Buffer {
  try {
    return Buffer.from(JSON.stringify(value));
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    const message = 'the answer is too long for JSON: ask for its tensors with "binary_data"';
    throw new RuntimeError("invalid-argument", message, { cause });
  }
}

function decodeText(bytes: Uint8Array, what: string): string {
  if (bytes.length > constants.MAX_STRING_LENGTH) {
    throw new RuntimeError(
      "invalid-argument",
      `${what} has ${bytes.length} bytes of JSON, more than can be read: send tensors in binary form`,
    );
  }
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw new RuntimeError("invalid-argument", `${what} is not UTF-8`, { cause });
  }
}

function reviveInteger(_key: string, value: unknown, { source }: Source): unknown {
  if (typeof value !== "number" || Number.isSafeInteger(value)) return value;
  if (source === undefined || source.length > maxIntegerLength) return value;
  return /^-?\d+$/.test(source) ? BigInt(source) : value;
}

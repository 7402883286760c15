import { constants } from "node:buffer";
import { describeError, RuntimeError } from "../../base/errors.ts";
import { parseExactly } from "../../base/exact-json.ts";
import { rawJson } from "../../base/raw-json.ts";

// JSON with exact integers. JavaScript's numbers are exact up to 2^53, INT64 and UINT64 go further.

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** The value of a JSON text in UTF-8. An integer that no number can hold exactly, of up to 20 digits,
 *  becomes a bigint. Throws "invalid-argument"; `what` names the text in the message. `options` as for
 *  `parseExactly`. */
export function parseJson(
  bytes: Uint8Array,
  what: string,
  options?: { readonly bareNumbers?: boolean },
): unknown {
  const text = decodeText(bytes, what);
  try {
    return parseExactly(text, options);
  } catch (cause) {
    const why = describeError(cause, 200);
    throw new RuntimeError("invalid-argument", `${what} is not JSON: ${why}`, { cause });
  }
}

/** An integer element for `writeJson`, with all of its digits. */
export function jsonInteger(integer: bigint): unknown {
  const number = Number(integer);
  return Number.isSafeInteger(number) ? number : rawJson(String(integer));
}

/** -0 as an element for `writeJson`; JSON.stringify would drop its sign. It has a fraction because readers
 *  that tell integers from floats (Python's) take "-0" for the integer 0. */
export const jsonMinusZero = rawJson("-0.0");

/** The UTF-8 bytes of `value`. Throws "invalid-argument" if the text would exceed the length of a JavaScript
 *  string. */
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

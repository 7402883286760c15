import { isAscii, isUtf8 } from "node:buffer";
import { everyElement, mapElements } from "../../base/bytes-elements.ts";
import { RuntimeError } from "../../base/errors.ts";
import { BareNumber } from "../../base/json-float.ts";
import { packTexts } from "../../base/packed-texts.ts";
import { decodeBase64 } from "./base64.ts";

// Converts BYTES elements in JSON to and from tensor bytes.

/** How BYTES elements are represented in JSON. */
export type BytesForm = "text" | "base64";

/** The bytes of `elements`: strings in `form`, or arrays of bytes. Throws "invalid-argument"; `what` names
 *  the tensor in the message. */
export function packStrings(
  elements: readonly unknown[],
  form: BytesForm,
  what: string,
): Uint8Array {
  return packTexts(
    elements.map((element, index) => readContent(element, form, `${what}: element ${index}`)),
  );
}

/** A BYTES tensor's elements, as base64 if they are not all UTF-8, requested or not. */
export function unpackStrings(
  data: Uint8Array,
  wanted: BytesForm,
): { readonly data: string[]; readonly bytesForm: BytesForm } {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const bytesForm = wanted === "base64" || !areUtf8(data) ? "base64" : "text";
  const encoding = bytesForm === "text" ? "utf8" : "base64";
  const elements = mapElements(data, (start, end) => bytes.toString(encoding, start, end));
  return { data: elements, bytesForm };
}

// Strings are kept until their total size is known.
function readContent(element: unknown, form: BytesForm, what: string): string | Uint8Array {
  if (Array.isArray(element)) {
    const isByte = (byte: unknown) =>
      Number.isInteger(byte) && Number(byte) >= 0 && Number(byte) <= 255;
    if (!element.every(isByte)) invalid(`${what} has items that are not bytes from 0 to 255`);
    return Uint8Array.from(element);
  }
  if (typeof element !== "string")
    invalid(`${what} is ${showElement(element)}, which is not a string`);
  if (form === "base64") return decodeBase64(element, what);
  if (!element.isWellFormed()) {
    invalid(`${what} has half of a surrogate pair, which is not text: send it as base64`);
  }
  return element;
}

/** Whether all elements of `data` are UTF-8. */
export function areUtf8(data: Uint8Array): boolean {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  // Lengths below 128 are ASCII too.
  return isAscii(bytes) || everyElement(data, (start, end) => isUtf8(bytes.subarray(start, end)));
}

/** Any JSON value, short enough for a message. Compound values are only named: they may be deep. */
export function showElement(element: unknown): string {
  if (Array.isArray(element)) return "an array";
  if (element instanceof BareNumber) return String(element);
  if (typeof element === "object" && element !== null) return "an object";
  if (typeof element !== "string") return String(element);
  const text = JSON.stringify(element.slice(0, 40));
  return text.length <= 40 ? text : `${text.slice(0, 39)}…`;
}

function invalid(message: string): never {
  throw new RuntimeError("invalid-argument", message);
}

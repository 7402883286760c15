import { isUtf8 } from "node:buffer";
import { lengthBytes } from "../../../base/bytes-elements.ts";
import { decodeElements, elementBytes } from "../../../base/element-codec.ts";
import { writeLong } from "../../../base/raw-json.ts";
import { type Datatype, isDatatype } from "../../../base/tensor.ts";
import { encodeData } from "../../rest/json-tensor.ts";
import { textEnd } from "./close-message.ts";

/** Elements at once: what is made of them is small beside what is kept. */
const sliceElements = 4_096;

/** Elements in JSON, without brackets. */
export interface ElementText {
  readonly text: string;
  /** There was no room for all of them. */
  readonly isCut: boolean;
  /** BYTES that are not all text are in base64, each element by itself. */
  readonly isBase64?: boolean;
}

/** The elements of a tensor's bytes, of which the end may be missing, in at most some `maxLetters`. Undefined for
 *  datatypes that nobody knows. */
export function elementText(
  datatype: string,
  bytes: Buffer,
  maxLetters: number,
): ElementText | undefined {
  if (!isDatatype(datatype)) return undefined;
  return datatype === "BYTES"
    ? stringsText(bytes, maxLetters)
    : numbersText(datatype, bytes, maxLetters);
}

function numbersText(datatype: Datatype, bytes: Buffer, maxLetters: number): ElementText {
  const size = elementBytes(datatype) ?? 1;
  const whole = bytes.length - (bytes.length % size);
  const pieces: string[] = [];
  let letters = 0;
  for (let at = 0; at < whole; at += sliceElements * size) {
    const data = bytes.subarray(at, Math.min(whole, at + sliceElements * size));
    const text = JSON.stringify(valuesOf(datatype, data), writeLong).slice(1, -1);
    const room = maxLetters - letters;
    if (text.length > room) {
      // At the last comma that fits.
      const end = text.lastIndexOf(",", room);
      if (end > 0) pieces.push(text.slice(0, end));
      return { text: pieces.join(","), isCut: true };
    }
    pieces.push(text);
    letters += text.length + 1;
  }
  // What is missing of the last element was missing before.
  return { text: pieces.join(","), isCut: false };
}

function valuesOf(datatype: Datatype, data: Buffer): readonly unknown[] {
  // They have a form here, since people read it; clients cannot send or ask for it.
  if (datatype === "FP16" || datatype === "BF16") return decodeElements(datatype, data);
  return encodeData({ name: "", datatype, shape: [], data }, "text").data;
}

function stringsText(bytes: Buffer, maxLetters: number): ElementText {
  const elements: Buffer[] = [];
  let isCut = false;
  let at = 0;
  for (let kept = 0; at + lengthBytes <= bytes.length; ) {
    const start = at + lengthBytes;
    const end = start + bytes.readUInt32LE(at);
    const room = maxLetters - kept;
    isCut = end > bytes.length || end - start > room;
    elements.push(bytes.subarray(start, Math.min(end, bytes.length, start + Math.max(0, room))));
    if (isCut) break;
    kept += end - start + 3;
    at = end;
    if (kept > maxLetters && at < bytes.length) {
      isCut = true;
      break;
    }
  }
  if (!isCut && at < bytes.length) isCut = true;
  const last = elements.at(-1);
  if (isCut && last !== undefined) elements[elements.length - 1] = last.subarray(0, textEnd(last));
  const isBase64 = !elements.every((element) => isUtf8(element));
  const texts = elements.map((element) =>
    isBase64 ? element.toString("base64") : element.toString("utf8"),
  );
  return { text: JSON.stringify(texts).slice(1, -1), isCut, isBase64 };
}

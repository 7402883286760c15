import { setImmediate as turn } from "node:timers/promises";

// Base64 as protobuf's JSON has it: the standard letters or those for URLs, padded or not, with white space.

/** A quarter of a millisecond. */
const pieceBytes = 256 * 1024;
/** "\u002f" is the longest way to write a letter. */
const escapeBytes = 6;
const backslash = "\\".charCodeAt(0);

/** Decodes `text`, the content of a JSON string as it stands between the quotes, to `target`, from `start` on.
 *  `target` may be `text` itself: what is written stays behind what is read. The event loop turns meanwhile.
 *  Resolves with where the bytes end; rejects with an Error if the text is no base64. */
export async function writeBase64Text(
  text: Buffer,
  target: Buffer,
  start: number,
): Promise<number> {
  const end = endOfLetters(text);
  let written = start;
  let rest = "";
  for (let at = 0; at < end; ) {
    const pieceEnd = endOfPiece(text, at, end);
    const letters = rest + unescaped(text.toString("latin1", at, pieceEnd));
    at = pieceEnd;
    const wholeLetters = at === end ? letters.length : letters.length - (letters.length % 4);
    written += writeLetters(letters.slice(0, wholeLetters), target, written);
    rest = letters.slice(wholeLetters);
    await turn();
  }
  return written;
}

/** The same for a string that is parsed already, and short. Returns where the bytes end. */
export function writeBase64(text: string, target: Buffer, start: number): number {
  return start + writeLetters(withoutSpace(text), target, start);
}

/** Bytes that so many letters come to at most. */
export function mostBytes(letters: number): number {
  return Math.ceil((letters * 3) / 4);
}

/** Padding is only right at the very end, which white space may follow. */
function endOfLetters(text: Buffer): number {
  let end = text.length;
  for (;;) {
    if (end > 0 && text[end - 1] === 0x20) end--;
    else if (/^\\[nrt]$/.test(text.toString("latin1", Math.max(0, end - 2), end))) end -= 2;
    else return end;
  }
}

/** No escape is cut. */
function endOfPiece(text: Buffer, at: number, end: number): number {
  const most = at + pieceBytes;
  if (most >= end) return end;
  const slash = text.subarray(most - escapeBytes + 1, most).indexOf(backslash);
  return slash === -1 ? most : most - escapeBytes + 1 + slash;
}

/** Some clients write "\/" for a slash, as they may. */
function unescaped(text: string): string {
  if (!text.includes("\\")) return text.includes(" ") ? withoutSpace(text) : text;
  try {
    return withoutSpace(JSON.parse(`"${text}"`) as string);
  } catch {
    throw noBase64();
  }
}

function withoutSpace(text: string): string {
  return text.replaceAll(/[ \n\r\t]+/g, "");
}

/** Returns how many bytes were written. */
function writeLetters(letters: string, target: Buffer, start: number): number {
  const end = letters.endsWith("==") ? -2 : letters.endsWith("=") ? -1 : letters.length;
  const digits = letters.slice(0, end);
  const expected = Math.floor((digits.length * 3) / 4);
  // Node passes over what is not base64 instead of refusing it: then there are bytes missing.
  const written = digits.length === 0 ? 0 : target.write(digits, start, "base64");
  if (digits.length % 4 === 1 || written !== expected) throw noBase64();
  return written;
}

function noBase64(): Error {
  return new Error("invalid base64 string");
}

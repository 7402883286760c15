import type { ConfigFields } from "../config-fields.ts";
import { classesAt, letter, number, whiteSpace } from "../pieces/code-points.ts";
import { type Origin, type Piece, slicePiece, widthAt } from "../pieces/piece.ts";
import { prependTo } from "../pieces/prepend.ts";
import type { Splitter } from "./splitter.ts";

/** GPT-2's words, written with one character for each byte of their UTF-8. */
export function byteLevel(config: ConfigFields): Splitter {
  const hasPrefix = config.flag("add_prefix_space", true);
  const isSplit = config.flag("use_regex", true);
  return (piece, emit) => {
    const { text } = piece;
    const prefixed = hasPrefix && !text.startsWith(" ") ? prependTo(piece, " ") : piece;
    if (!isSplit) {
      emit(bytesOf(prefixed));
      return;
    }
    for (let at = 0; at < prefixed.text.length; ) {
      const end = endOfWord(prefixed.text, at);
      emit(bytesOf(slicePiece(prefixed, at, end)));
      at = end;
    }
  };
}

const apostrophe = 0x27;
const space = 0x20;
const contraction = /'(?:s|t|re|ve|m|ll|d)/y;

/** Where the match ends that starts at `at`, of: 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
 *  A regular expression would need a stack as deep as the longest word, and JavaScript's \s is not Unicode's. */
function endOfWord(text: string, at: number): number {
  const first = text.charCodeAt(at);
  if (first === apostrophe) {
    contraction.lastIndex = at;
    if (contraction.test(text)) return contraction.lastIndex;
  }
  const start = first === space && at + 1 < text.length ? at + 1 : at;
  const kind = kindAt(text, start);
  if (kind !== whiteSpace) return endOfKind(text, start, kind);
  const end = endOfKind(text, at, whiteSpace);
  // The last space belongs to the next word.
  return end === text.length || end === at + 1 ? end : end - 1;
}

function kindAt(text: string, at: number): number {
  return classesAt(text, at) & (letter | number | whiteSpace);
}

function endOfKind(text: string, start: number, kind: number): number {
  let at = start;
  while (at < text.length && kindAt(text, at) === kind) at += widthAt(text, at);
  return at;
}

/** By byte: printable characters of Latin-1 stand for themselves, the others follow from U+0100. */
const characterOfByte = new Uint16Array(256);
let others = 0x100;
for (let byte = 0; byte < 256; byte++) {
  const isPrintable =
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
  characterOfByte[byte] = isPrintable ? byte : others++;
}

/** What stands for a space. */
export const spaceMark = String.fromCharCode(characterOfByte[space] as number);

/** One character for each byte of a piece's UTF-8. */
function bytesOf(piece: Piece): Piece {
  const { text, origin, isStart } = piece;
  if (/^ ?[!-~]*$/.test(text)) {
    return { text: text.startsWith(" ") ? spaceMark + text.slice(1) : text, origin, isStart };
  }
  const bytes = Buffer.from(text, "utf8");
  const units = Uint16Array.from(bytes, (byte) => characterOfByte[byte] as number);
  return {
    text: Buffer.from(units.buffer).toString("utf16le"),
    origin: origin && originOfBytes(text, origin, bytes.length),
    isStart,
  };
}

function originOfBytes(text: string, origin: Origin, length: number): Origin {
  const starts = new Int32Array(length);
  const ends = new Int32Array(length);
  let at = 0;
  for (let unit = 0; unit < text.length; ) {
    const width = widthAt(text, unit);
    const next = at + utf8Length(text.codePointAt(unit) as number);
    starts.fill(origin.starts[unit] as number, at, next);
    ends.fill(origin.ends[unit] as number, at, next);
    at = next;
    unit += width;
  }
  return { starts, ends };
}

function utf8Length(codePoint: number): number {
  if (codePoint < 0x80) return 1;
  if (codePoint < 0x800) return 2;
  return codePoint < 0x10000 ? 3 : 4;
}

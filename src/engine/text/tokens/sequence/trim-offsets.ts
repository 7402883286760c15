import { classesAt, whiteSpace } from "../pieces/code-points.ts";
import { widthAt } from "../pieces/piece.ts";
import { spaceMark } from "../words/byte-level.ts";

/** The offsets of a token of byte-level BPE without the spaces that its piece starts or ends with. */
export function trimOffsets(
  piece: string,
  { start, end }: { readonly start: number; readonly end: number },
  { isFirst, hasPrefixSpace }: { readonly isFirst: boolean; readonly hasPrefixSpace: boolean },
): { readonly start: number; readonly end: number } {
  const trailing = trailingSpaces(piece);
  const spaces = leadingSpaces(piece);
  // A single space before the first word is the one that the tokenizer has put there.
  const leading = hasPrefixSpace && (isFirst || start === 0) && spaces === 1 ? 0 : spaces;
  const first = Math.min(start + leading, end);
  const last = trailing > 0 && end >= trailing ? Math.max(end - trailing, first) : end;
  return { start: first, end: last };
}

function leadingSpaces(piece: string): number {
  let at = 0;
  while (at < piece.length && isSpace(piece, at)) at++;
  return at;
}

function trailingSpaces(piece: string): number {
  let at = piece.length;
  while (at > 0 && isSpace(piece, at - 1)) at--;
  return piece.length - at;
}

function isSpace(piece: string, at: number): boolean {
  if (piece.startsWith(spaceMark, at)) return true;
  return widthAt(piece, at) === 1 && (classesAt(piece, at) & whiteSpace) !== 0;
}

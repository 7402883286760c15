import { classesOf, mark } from "../pieces/code-points.ts";
import { type Piece, widthAt } from "../pieces/piece.ts";
import { type NormalForm, normalForm } from "../pieces/normal-form.ts";
import { PieceWriter } from "../pieces/piece-writer.ts";
import type { Normalizer } from "./normalizer.ts";

/** One of Unicode's normal forms. Where characters come from is found for each base with its marks. */
export function unicodeForm(form: NormalForm): Normalizer {
  return (piece) => {
    const normalized = normalForm(piece.text, form);
    if (normalized === piece.text) return piece;
    if (piece.origin === undefined) return { ...piece, text: normalized };
    const traced = normalizeClusters(piece, form);
    // A few characters join with bases. Their texts keep an origin for each character by its place.
    return traced.text === normalized ? traced : rewrite(piece, normalized);
  };
}

function normalizeClusters(piece: Piece, form: NormalForm): Piece {
  const { text } = piece;
  const writer = new PieceWriter(piece);
  for (let at = 0; at < text.length; ) {
    let end = at + widthAt(text, at);
    while (end < text.length && isJoining(text.codePointAt(end) as number)) {
      end += widthAt(text, end);
    }
    writer.write(normalForm(text.slice(at, end), form), at, end);
    at = end;
  }
  return writer.finish();
}

/** Marks, and the vowels and final consonants of Hangul. */
function isJoining(codePoint: number): boolean {
  return (
    (classesOf(codePoint) & mark) !== 0 ||
    (codePoint >= 0x1160 && codePoint <= 0x11ff) ||
    (codePoint >= 0xd7b0 && codePoint <= 0xd7ff)
  );
}

function rewrite(piece: Piece, output: string): Piece {
  const writer = new PieceWriter(piece);
  writer.write(output, 0, piece.text.length);
  return writer.finish();
}

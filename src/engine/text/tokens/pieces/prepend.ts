import { type Piece, widthAt } from "./piece.ts";
import { PieceWriter } from "./piece-writer.ts";

/** A piece with `prefix` in front, which counts as part of its first character. An empty one stays empty. */
export function prependTo(piece: Piece, prefix: string): Piece {
  const { text } = piece;
  if (text === "") return piece;
  if (piece.origin === undefined) return { ...piece, text: prefix + text };
  const writer = new PieceWriter(piece);
  writer.write(prefix, 0, widthAt(text, 0));
  writer.copy(0, text.length);
  return writer.finish();
}

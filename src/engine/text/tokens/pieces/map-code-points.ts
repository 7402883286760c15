import { type Piece, widthAt } from "./piece.ts";
import { PieceWriter } from "./piece-writer.ts";

/** What a code point becomes; undefined if it stays as it is. */
export type CodePointMap = (codePoint: number) => string | undefined;

/** Replaces each code point on its own. */
export function mapCodePoints(piece: Piece, map: CodePointMap): Piece {
  const { text } = piece;
  let writer: PieceWriter | undefined;
  let kept = 0;
  for (let at = 0; at < text.length; ) {
    const end = at + widthAt(text, at);
    const output = map(text.codePointAt(at) as number);
    if (output !== undefined) {
      writer ??= new PieceWriter(piece);
      writer.copy(kept, at);
      writer.write(output, at, end);
      kept = end;
    }
    at = end;
  }
  if (writer === undefined) return piece;
  writer.copy(kept, text.length);
  return writer.finish();
}

/** The same map, which remembers its answers, in pages of 256 code points. */
export function cachedMap(map: CodePointMap): CodePointMap {
  const pages: (string | undefined | null)[][] = [];
  return (codePoint) => {
    const index = codePoint >> 8;
    const page = pages[index] ?? new Array<null>(256).fill(null);
    pages[index] = page;
    const known = page[codePoint & 255];
    if (known !== null) return known;
    const output = map(codePoint);
    page[codePoint & 255] = output;
    return output;
  };
}

import { joinedTextBytes } from "../../engine/text/items/run-terms.ts";

/** What a row takes that has no text: its special tokens. */
const rowBytes = 8;

/** Indexes of rows in pieces of about `joinedTextBytes`, the longest first: those of a piece are of similar length, so
 *  little of it is padding, and a text that is too long is known before others have run. A longer row is alone. */
export function splitItems(sizes: readonly number[]): number[][] {
  const order = Array.from(sizes.keys()).sort((a, b) => sizeAt(sizes, b) - sizeAt(sizes, a));
  const pieces: number[][] = [];
  let piece: number[] = [];
  let bytes = 0;
  for (const index of order) {
    const size = sizeAt(sizes, index) + rowBytes;
    if (piece.length > 0 && bytes + size > joinedTextBytes) {
      pieces.push(piece);
      piece = [];
      bytes = 0;
    }
    piece.push(index);
    bytes += size;
  }
  if (piece.length > 0) pieces.push(piece);
  return pieces;
}

function sizeAt(sizes: readonly number[], index: number): number {
  return sizes[index] as number;
}

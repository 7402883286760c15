/** What the engine runs at once, in bytes of text: some 512 tokens, of about three bytes each. More in one run makes a
 *  CPU slower, and lets other callers wait. */
export const pieceBytes = 1_536;
/** What a row takes that has no text: its special tokens. */
const rowBytes = 8;

/** Indexes of rows in pieces of about `pieceBytes`, the longest first: those of a piece are of similar length, so
 *  little of it is padding, and a text that is too long is known before others have run. A longer row is alone. */
export function splitItems(sizes: readonly number[]): number[][] {
  const order = Array.from(sizes.keys()).sort((a, b) => sizeAt(sizes, b) - sizeAt(sizes, a));
  const pieces: number[][] = [];
  let piece: number[] = [];
  let bytes = 0;
  for (const index of order) {
    const size = sizeAt(sizes, index) + rowBytes;
    if (piece.length > 0 && bytes + size > pieceBytes) {
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

/** Where each UTF-16 unit of a piece comes from, in code points of the text as sent: [start, end). */
export interface Origin {
  readonly starts: Int32Array;
  readonly ends: Int32Array;
}

/** A stretch of text on its way to tokens, normalised or not. */
export interface Piece {
  readonly text: string;
  /** Only when offsets are asked for: it takes 8 bytes a unit. */
  readonly origin: Origin | undefined;
  /** Whether it starts where the text starts. */
  readonly isStart: boolean;
}

/** A whole text. `isTraced`: whether the offsets of its tokens will be asked for. */
export function wholePiece(text: string, isTraced: boolean): Piece {
  return { text, origin: isTraced ? ownOrigin(text) : undefined, isStart: true };
}

/** The units [start, end) of a piece. Shares its memory. */
export function slicePiece(piece: Piece, start: number, end: number): Piece {
  if (start === 0 && end === piece.text.length) return piece;
  const { text, origin, isStart } = piece;
  return {
    text: text.slice(start, end),
    origin: origin && {
      starts: origin.starts.subarray(start, end),
      ends: origin.ends.subarray(start, end),
    },
    isStart: isStart && start === 0,
  };
}

/** Units of the code point at `at`: 1 or 2. */
export function widthAt(text: string, at: number): number {
  const unit = text.charCodeAt(at);
  if (unit < 0xd800 || unit > 0xdbff || at + 1 >= text.length) return 1;
  const next = text.charCodeAt(at + 1);
  return next >= 0xdc00 && next <= 0xdfff ? 2 : 1;
}

function ownOrigin(text: string): Origin {
  const starts = new Int32Array(text.length);
  const ends = new Int32Array(text.length);
  let codePoint = 0;
  for (let at = 0; at < text.length; codePoint++) {
    const width = widthAt(text, at);
    starts.fill(codePoint, at, at + width);
    ends.fill(codePoint + 1, at, at + width);
    at += width;
  }
  return { starts, ends };
}

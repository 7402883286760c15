import type { Piece } from "../pieces/piece.ts";

/** Splits a normalised piece into words, none of which is empty. Tokens never cross the borders of words. */
export type Splitter = (piece: Piece, emit: (word: Piece) => void) => void;

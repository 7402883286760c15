import type { Piece } from "../pieces/piece.ts";

/** Rewrites a piece of text before it is split into words. */
export type Normalizer = (piece: Piece) => Piece;

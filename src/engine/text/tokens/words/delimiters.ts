import type { ConfigFields } from "../config-fields.ts";
import { type Piece, slicePiece } from "../pieces/piece.ts";

const behaviors = [
  "Removed",
  "Isolated",
  "Contiguous",
  "MergedWithPrevious",
  "MergedWithNext",
] as const;

/** What becomes of the delimiters between words. */
export type Behavior = (typeof behaviors)[number];

export function readBehavior(config: ConfigFields, byDefault: Behavior): Behavior {
  const name = config.optionalText("behavior") ?? byDefault;
  const behavior = behaviors.find((known) => known === name);
  if (behavior === undefined) throw config.unknown("behavior", behaviors);
  return behavior;
}

/** Cuts a piece at delimiters. */
export class Cutter {
  readonly #piece: Piece;
  readonly #behavior: Behavior;
  readonly #emit: (word: Piece) => void;
  #start = 0;
  #end = 0;
  #isDelimiter = false;

  constructor(piece: Piece, behavior: Behavior, emit: (word: Piece) => void) {
    this.#piece = piece;
    this.#behavior = behavior;
    this.#emit = emit;
  }

  /** The next part of the piece reaches to `end`. */
  add(end: number, isDelimiter: boolean): void {
    const start = this.#end;
    const isJoined = this.#start < start && this.#joins(isDelimiter);
    if (!isJoined) {
      this.finish();
      this.#start = this.#behavior === "Removed" && isDelimiter ? end : start;
    }
    this.#end = end;
    this.#isDelimiter = isDelimiter;
  }

  /** After the last part. */
  finish(): void {
    if (this.#start < this.#end) this.#emit(slicePiece(this.#piece, this.#start, this.#end));
  }

  #joins(isDelimiter: boolean): boolean {
    switch (this.#behavior) {
      case "Contiguous":
        return isDelimiter === this.#isDelimiter;
      case "MergedWithPrevious":
        return isDelimiter && !this.#isDelimiter;
      case "MergedWithNext":
        return !isDelimiter && this.#isDelimiter;
      case "Removed":
      case "Isolated":
        return false;
    }
  }
}

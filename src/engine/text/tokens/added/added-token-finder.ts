import { classesAt, classesOf, whiteSpace, word } from "../pieces/code-points.ts";
import { type Piece, slicePiece, widthAt } from "../pieces/piece.ts";
import type { AddedToken } from "./added-tokens.ts";

/** A part of a piece: an added token, or text between such tokens. */
export interface Part {
  readonly piece: Piece;
  readonly token: AddedToken | undefined;
}

interface Pattern {
  readonly text: string;
  readonly token: AddedToken;
}

/** Finds added tokens in a text: the leftmost, and of those that start there the longest. */
export class AddedTokenFinder {
  /** By first unit, the longest first. */
  readonly #patterns = new Map<number, Pattern[]>();

  /** `textOf`: how a token is spelled where it is looked for. */
  constructor(tokens: readonly AddedToken[], textOf: (token: AddedToken) => string) {
    for (const token of tokens) {
      const text = textOf(token);
      if (text === "") continue;
      const unit = text.charCodeAt(0);
      this.#patterns.set(unit, [...(this.#patterns.get(unit) ?? []), { text, token }]);
    }
    for (const patterns of this.#patterns.values()) {
      // Stable: the first of those that are spelled alike is taken.
      patterns.sort((a, b) => b.text.length - a.text.length);
    }
  }

  /** The parts of a piece in order, none of which is empty. */
  split(piece: Piece): Part[] {
    const { text } = piece;
    const parts: Part[] = [];
    let done = 0;
    const add = (end: number, token: AddedToken | undefined): void => {
      if (end > done) parts.push({ piece: slicePiece(piece, done, end), token });
      done = Math.max(done, end);
    };
    for (let at = 0; at < text.length && this.#patterns.size > 0; ) {
      const found = this.#patternAt(text, at);
      if (found === undefined) {
        at++;
        continue;
      }
      const { token } = found;
      let end = at + found.text.length;
      const isTaken = !token.isSingleWord || isSingleWord(text, at, end);
      if (isTaken) {
        const start = token.isLeftStripped ? startOfSpace(text, at, done) : at;
        if (token.isRightStripped) end = endOfSpace(text, end);
        add(start, undefined);
        add(end, token);
      }
      at = end;
    }
    add(text.length, undefined);
    return parts;
  }

  #patternAt(text: string, at: number): Pattern | undefined {
    return this.#patterns
      .get(text.charCodeAt(at))
      ?.find((pattern) => text.startsWith(pattern.text, at));
  }
}

function isSingleWord(text: string, start: number, end: number): boolean {
  const isOpen = start === 0 || !(classesAt(text, startOfCodePoint(text, start - 1)) & word);
  return isOpen && (end === text.length || !(classesAt(text, end) & word));
}

function startOfCodePoint(text: string, at: number): number {
  return at > 0 && widthAt(text, at - 1) === 2 ? at - 1 : at;
}

/** All white space is in the basic plane: one unit each. */
function startOfSpace(text: string, end: number, min: number): number {
  let at = end;
  while (at > min && classesOf(text.charCodeAt(at - 1)) & whiteSpace) at--;
  return at;
}

function endOfSpace(text: string, start: number): number {
  let at = start;
  while (at < text.length && classesOf(text.charCodeAt(at)) & whiteSpace) at++;
  return at;
}

import { GrowingArray } from "../../../../base/growing-array.ts";
import type { Piece } from "../pieces/piece.ts";

/** The tokens of one text, in order. */
export class TokenList {
  readonly #ids = new GrowingArray((length) => new Int32Array(length));
  readonly #starts: GrowingArray<Int32Array> | undefined;
  readonly #ends: GrowingArray<Int32Array> | undefined;
  readonly #words: GrowingArray<Int32Array> | undefined;
  readonly #spellings = new Map<number, string>();
  #word: Piece = { text: "", origin: undefined, isStart: false };
  #wordIndex = -1;

  /** `isTraced`: whether the pieces have origins, and offsets are kept. */
  constructor(isTraced: boolean) {
    const make = () => new GrowingArray((length) => new Int32Array(length));
    this.#starts = isTraced ? make() : undefined;
    this.#ends = isTraced ? make() : undefined;
    this.#words = isTraced ? make() : undefined;
  }

  get length(): number {
    return this.#ids.length;
  }

  /** What `add` adds belongs to this word. */
  beginWord(word: Piece): void {
    this.#word = word;
    this.#wordIndex++;
  }

  /** Adds a token that stands for the units [start, end) of the word. */
  add(id: number, start: number, end: number): void {
    this.#ids.push(id);
    const { origin } = this.#word;
    if (origin === undefined) return;
    this.#starts?.push(origin.starts[start] as number);
    this.#ends?.push(origin.ends[end - 1] as number);
    this.#words?.push(this.#wordIndex);
  }

  /** Adds an added token, which the word is. */
  addWhole(id: number): void {
    const { text, origin } = this.#word;
    if (origin !== undefined) this.#spellings.set(this.length, text);
    this.add(id, 0, text.length);
  }

  /** How the text spells the added token at `index`, with the white space that it took along; undefined for other tokens. */
  spellingAt(index: number): string | undefined {
    return this.#spellings.get(index);
  }

  /** The views below are valid until the next `add`. */
  get ids(): Int32Array {
    return this.#ids.elements();
  }

  /** In code points of the text as sent; empty if nothing is traced. */
  get starts(): Int32Array {
    return this.#starts?.elements() ?? new Int32Array();
  }

  get ends(): Int32Array {
    return this.#ends?.elements() ?? new Int32Array();
  }

  /** By token: the index of its word. */
  get words(): Int32Array {
    return this.#words?.elements() ?? new Int32Array();
  }
}

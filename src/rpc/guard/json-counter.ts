import { jsonObjectCost, jsonValueCost, MessageCost, type MessageCounter } from "./message-cost.ts";

const quote = '"'.charCodeAt(0);
const backslash = "\\".charCodeAt(0);

const costs = new Uint8Array(256);
for (const letter of ',[:"') costs[letter.charCodeAt(0)] = jsonValueCost;
costs["{".charCodeAt(0)] = jsonObjectCost;

/** Counts a JSON text's values by the characters around them. Texts within it may have as many of those as they
 *  like. */
export class JsonCounter implements MessageCounter {
  readonly #cost = new MessageCost();
  #isInString = false;
  /** Whether the next byte follows an escape, in a string. */
  #isEscaped = false;

  push(piece: Uint8Array): void {
    let units = 0;
    for (let at = 0; at < piece.length; ) {
      if (this.#isInString) {
        at = this.#passString(piece, at);
        continue;
      }
      const byte = piece[at++] as number;
      units += costs[byte] as number;
      this.#isInString = byte === quote;
    }
    this.#cost.add(units);
  }

  /** The index after the string, or the end of the piece if the string goes on. */
  #passString(piece: Uint8Array, at: number): number {
    const start = at + Number(this.#isEscaped);
    this.#isEscaped = false;
    for (let end = piece.indexOf(quote, start); ; end = piece.indexOf(quote, end + 1)) {
      const stop = end === -1 ? piece.length : end;
      let escapes = 0;
      while (stop - escapes > start && piece[stop - escapes - 1] === backslash) escapes++;
      const isEscaped = escapes % 2 === 1;
      if (end === -1) {
        this.#isEscaped = isEscaped;
        return stop;
      }
      if (isEscaped) continue;
      this.#isInString = false;
      return end + 1;
    }
  }
}

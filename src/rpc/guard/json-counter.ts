import { jsonObjectCost, jsonValueCost, MessageCost, type MessageCounter } from "./message-cost.ts";

const costs = new Uint8Array(256);
for (const letter of ',[:"') costs[letter.charCodeAt(0)] = jsonValueCost;
costs["{".charCodeAt(0)] = jsonObjectCost;
costs['"'.charCodeAt(0)] = jsonValueCost / 2;

/** Counts a JSON text's values by the characters around them. Those inside strings count as well: base64, in
 *  which large strings are sent, contains none of them. */
export class JsonCounter implements MessageCounter {
  readonly #cost = new MessageCost();

  push(piece: Uint8Array): void {
    let units = 0;
    for (let at = 0; at < piece.length; at++) units += costs[piece[at] as number] as number;
    this.#cost.add(units);
  }
}

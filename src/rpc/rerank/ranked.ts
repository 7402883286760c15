import type { JsonPieces } from "../text/json-pieces.ts";

export interface Ranked {
  readonly index: number;
  readonly score: number;
}

/** Writes what `show` makes of each score, the best first and of equal ones the first; at most `most` of them. */
export async function rankedJson(
  pieces: JsonPieces,
  scores: Float64Array,
  show: (ranked: Ranked) => object,
  most = scores.length,
): Promise<void> {
  const order = Array.from(scores, (score, index) => ({ index, score }));
  order.sort((a, b) => b.score - a.score);
  for (const [at, ranked] of order.slice(0, most).entries()) {
    const comma = at === 0 ? "" : ",";
    const added = pieces.add(`${comma}${JSON.stringify(show(ranked))}`);
    if (added !== undefined) await added;
  }
}

import { setImmediate as turn } from "node:timers/promises";
import { writeLong } from "../../base/raw-json.ts";
import type { Entity } from "../../service/contract/text.ts";
import type { Ranking } from "./ranking.ts";

// The messages of proto/caikit in JSON: names as in the .proto, numbers as numbers, null for what is not there.

/** After so many numbers of vectors, others have their turn. */
const sliceNumbers = 16_384;

/** One vector, or a list of them, in the place of `result` or `results`. */
export type VectorPlace =
  | { readonly result: Float32Array }
  | { readonly results: readonly Float32Array[] };

/** The answer with embeddings, written in slices. `rest`: its other fields. */
export async function vectorsJson(place: VectorPlace, rest: object): Promise<Buffer> {
  const isOne = "result" in place;
  const vectors = isOne ? [place.result] : place.results;
  const pieces: Buffer[] = [];
  let sinceTurn = 0;
  for (const [index, vector] of vectors.entries()) {
    const comma = index === 0 ? "" : ",";
    const values = JSON.stringify(Array.from(vector));
    pieces.push(Buffer.from(`${comma}{"data":{"values":${values}}}`));
    sinceTurn += vector.length;
    if (sinceTurn < sliceNumbers) continue;
    sinceTurn = 0;
    await turn();
  }
  const others = JSON.stringify(rest).slice(1);
  const [before, after] = isOne ? ['{"result":', ","] : ['{"results":{"vectors":[', "]},"];
  return Buffer.concat([Buffer.from(before), ...pieces, Buffer.from(`${after}${others}`)]);
}

/** Any other answer. */
export function answerJson(answer: object): Buffer {
  return Buffer.from(JSON.stringify(answer, writeLong));
}

export function rankingJson({ query, scores }: Ranking): object {
  return {
    query: query ?? null,
    scores: scores.map(({ document, index, score, text }) => ({
      document: document ?? null,
      index,
      score,
      text: text ?? null,
    })),
  };
}

export function entityJson(
  { start, end, word, entity, score }: Entity,
  tokenCount: number,
): object {
  return { start, end, word, entity, entity_group: entity, score, token_count: tokenCount };
}

import { writeLong } from "../../base/raw-json.ts";
import type { Entity } from "../../service/contract/text.ts";
import type { JsonPieces } from "../text/json-pieces.ts";
import { vectorJson } from "../text/vector-json.ts";
import type { Ranking } from "./ranking.ts";

// The messages of proto/caikit in JSON: names as in the .proto, numbers as numbers, null for what is not there.

/** One vector, or a list of them, in the place of `result` or `results`. */
export type VectorPlace =
  | { readonly result: Float32Array }
  | { readonly results: readonly Float32Array[] };

/** The answer with embeddings. `rest`: its other fields. */
export async function writeVectors(
  pieces: JsonPieces,
  place: VectorPlace,
  rest: object,
): Promise<void> {
  const isOne = "result" in place;
  const vectors = isOne ? [place.result] : place.results;
  await pieces.add(isOne ? '{"result":' : '{"results":{"vectors":[');
  for (const [index, vector] of vectors.entries()) {
    const comma = index === 0 ? "" : ",";
    await pieces.add(`${comma}{"data":{"values":${vectorJson(vector, "float")}}}`);
  }
  await pieces.add(`${isOne ? "" : "]}"},${JSON.stringify(rest).slice(1)}`);
}

/** Any other answer. */
export async function writeAnswer(pieces: JsonPieces, answer: object): Promise<void> {
  await pieces.add(JSON.stringify(answer, writeLong));
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

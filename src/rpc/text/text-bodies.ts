import { parseJson } from "../rest/json.ts";
import { readEmbeddingsBody } from "./openai-body.ts";
import { readRerankBody } from "./rerank-body.ts";
import { readTeiEmbed, readTeiPredict, readTeiSimilarity, readTeiTokenize } from "./tei-body.ts";

/** The JSON bodies of text wires, by name, and what reads each. Readers throw "invalid-argument" with the field, and
 *  return plain data, which passes between threads. */
export const textBodies = {
  embeddings: readEmbeddingsBody,
  rerank: readRerankBody,
  "tei-embed": readTeiEmbed,
  "tei-predict": readTeiPredict,
  "tei-similarity": readTeiSimilarity,
  "tei-tokenize": readTeiTokenize,
  // Each of its tasks has other fields, which are read when the task is known to be served.
  caikit: (json: unknown) => ({ json }),
} as const satisfies Record<string, (json: unknown) => object>;

export type TextBodyName = keyof typeof textBodies;
export type TextBodyOf<Name extends TextBodyName> = ReturnType<(typeof textBodies)[Name]>;

/** Reads a body of this name, in UTF-8. */
export function decodeTextBody<Name extends TextBodyName>(
  name: Name,
  body: Uint8Array,
): TextBodyOf<Name> {
  return textBodies[name](parseJson(body, "the request")) as TextBodyOf<Name>;
}

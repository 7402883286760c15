import type { TextFacts } from "../../engine/contract/text-facts.ts";
import type { TextCalls } from "../../service/contract/text.ts";

/** A model as OpenAI's clients are told of it; the last two fields are as vLLM and infinity have them. */
export interface ModelCard {
  readonly id: string;
  readonly object: "model";
  /** Seconds since 1970. */
  readonly created: number;
  readonly owned_by: string;
  readonly max_model_len: number;
  readonly task: string;
}

/** Clients show it only: the start of the server. */
const created = Math.floor(performance.timeOrigin / 1_000);

export function modelCard(id: string, { maxTokens, task }: TextFacts): ModelCard {
  const facts = { max_model_len: maxTokens, task };
  return { id, object: "model", created, owned_by: "modelport", ...facts };
}

/** Of the text models that serve: no other can be called through OpenAI's API. */
export function modelCards(texts: TextCalls): ModelCard[] {
  return texts.serving().map(({ id, facts }) => modelCard(id, facts));
}

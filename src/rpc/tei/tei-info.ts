import type { TextFacts } from "../../engine/contract/text-facts.ts";
import { mostItems } from "../text/json-fields.ts";

/** The answer of TEI's GET /info. Its clients look for the kind of model and the longest input. */
export function teiInfo(id: string, facts: TextFacts, version: string): object {
  return {
    model_id: id,
    model_sha: null,
    model_dtype: "float32",
    model_type: modelType(facts),
    max_concurrent_requests: null,
    max_input_length: facts.maxTokens,
    max_batch_tokens: null,
    max_client_batch_size: mostItems,
    auto_truncate: false,
    tokenization_workers: null,
    version,
    sha: null,
    docker_label: null,
  };
}

function modelType({ task, pooling, labels }: TextFacts): object {
  if (task === "embedding") return { embedding: { pooling: pooling ?? null } };
  const id2label = Object.fromEntries(labels.map((label, at) => [String(at), label]));
  const label2id = Object.fromEntries(labels.map((label, at) => [label, at]));
  return task === "rerank"
    ? { reranker: { id2label, label2id } }
    : { classifier: { id2label, label2id } };
}

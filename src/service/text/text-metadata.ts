import type { TensorSpec } from "../../base/tensor.ts";
import type { ModelMetadata } from "../../engine/contract/engine.ts";
import type { TextFacts } from "../../engine/contract/text-facts.ts";

/** The names of the tensors that clients see. */
export const textTensors = {
  text: "text",
  query: "query",
  embedding: "embedding",
  score: "score",
  label: "label",
  scores: "scores",
  entities: "entities",
} as const;

/** A text model as clients of the Open Inference Protocol see it. Undefined if it is none. */
export function textMetadata(metadata: ModelMetadata): ModelMetadata | undefined {
  const { text: facts } = metadata;
  if (facts === undefined) return undefined;
  return { ...metadata, inputs: inputsOf(facts), outputs: outputsOf(facts) };
}

function inputsOf(facts: TextFacts): readonly TensorSpec[] {
  const parameters = { max_tokens: String(facts.maxTokens), task: facts.task };
  const text = { name: textTensors.text, datatype: "BYTES", shape: [-1], parameters } as const;
  if (facts.task !== "rerank") return [text];
  // Without it, the texts are pairs.
  const query = { name: textTensors.query, datatype: "BYTES", shape: [-1] } as const;
  return [text, { ...query, isOptional: true }];
}

function outputsOf({ task, dimensions = -1, labels }: TextFacts): readonly TensorSpec[] {
  const score = { name: textTensors.score, datatype: "FP32", shape: [-1] } as const;
  switch (task) {
    case "embedding":
      return [{ name: textTensors.embedding, datatype: "FP32", shape: [-1, dimensions] }];
    case "rerank":
      return [score];
    case "classification":
      return [
        { name: textTensors.label, datatype: "BYTES", shape: [-1] },
        score,
        {
          name: textTensors.scores,
          datatype: "FP32",
          shape: [-1, labels.length],
          parameters: { labels: JSON.stringify(labels) },
        },
      ];
    case "token-classification":
      return [{ name: textTensors.entities, datatype: "BYTES", shape: [-1] }];
  }
}

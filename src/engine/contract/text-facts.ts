/** What a text model does with a text, or with a pair of texts. */
export type TextTask = "embedding" | "rerank" | "classification" | "token-classification";

/** What becomes of logits before clients see them. */
export type ScoreActivation = "identity" | "sigmoid" | "softmax";

/** What the folder of a text model says about it beyond its tensors. */
export interface TextFacts {
  readonly task: TextTask;
  /** As config.json names it, such as "BertModel". */
  readonly architecture: string;
  /** Numbers in an embedding; undefined for other tasks. */
  readonly dimensions: number | undefined;
  /** Names of the classes, in the order of the logits; empty for embeddings. */
  readonly labels: readonly string[];
  /** What clients get of logits unless they ask for raw ones. */
  readonly activation: ScoreActivation;
  /** Tokens of the longest text, special tokens included. */
  readonly maxTokens: number;
  /** Whether embeddings have length 1, so that their dot product is their cosine. */
  readonly isNormalised: boolean;
  /** Texts to put before a text, by name. */
  readonly prompts: Readonly<Record<string, string>>;
  /** The name of the prompt for texts that come without one. */
  readonly defaultPrompt: string | undefined;
  /** How the vectors of the tokens become one, such as "mean" or "cls+max"; undefined for other tasks. */
  readonly pooling: string | undefined;
}

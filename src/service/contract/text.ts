import type { CancelSignal } from "../../base/cancel-signal.ts";
import type { InferenceTimes } from "../../base/inference-times.ts";
import type { TextFacts } from "../../engine/contract/text-facts.ts";

/** A text, or the ids of its tokens as the model's tokenizer gives them, special tokens included. */
export type TextInput = string | Int32Array;

/** A text, or two that the model reads together. */
export type TextOrPair = string | readonly [string, string];

/** What happens to a text that is longer than the model: an error, a cut at the model's limit, or a cut at this many
 *  tokens, special tokens included. */
export type Truncate = "error" | "model" | number;

/** What all calls have in common. */
export interface TextCall {
  readonly truncate: Truncate;
  /** Where tokens are cut off; by default, where the model's tokenizer says. */
  readonly truncateSide?: "left" | "right" | undefined;
  /** Filled in as the first run goes, for observers. */
  readonly times?: InferenceTimes | undefined;
}

export interface EmbedCall extends TextCall {
  readonly texts: readonly TextInput[];
  /** The name of one of the model's prompts, which is put before each text; absent: its default prompt, if it has
   *  one. */
  readonly prompt?: string | undefined;
  /** Keeps this many of the first dimensions, and makes them a vector of length 1. */
  readonly dimensions?: number | undefined;
  /** Makes vectors of length 1; by default, they are as the model gives them. False is an error if the model itself
   *  makes them so. */
  readonly normalise?: boolean | undefined;
}

export interface Embedded {
  /** One for each text, in order. Nobody may write to them: the cache has them too. */
  readonly vectors: readonly Float32Array[];
  /** Tokens that ran, of each text. */
  readonly tokens: readonly number[];
}

export interface ScoreCall extends TextCall {
  readonly query: string;
  readonly documents: readonly string[];
  /** Logits instead of what the model's activation makes of them. Of no effect on a model of embeddings. */
  readonly raw?: boolean | undefined;
}

export interface SimilarityCall extends TextCall {
  readonly source: string;
  readonly sentences: readonly string[];
}

export interface Scored {
  /** One for each document or sentence, in order. */
  readonly scores: Float64Array;
  /** Tokens that ran: of each pair, or where texts run by themselves, of the first one and of each other. */
  readonly tokens: readonly number[];
}

export interface ClassifyCall extends TextCall {
  readonly texts: readonly TextOrPair[];
  readonly raw?: boolean | undefined;
}

export interface Classified {
  /** Of the classes, in the order of the scores. */
  readonly labels: readonly string[];
  /** Of each text, one for each label. */
  readonly scores: readonly Float64Array[];
  readonly tokens: readonly number[];
}

export interface EntitiesCall extends TextCall {
  readonly texts: readonly string[];
  /** Entities with a lower score are left out. Default: 0. */
  readonly threshold?: number | undefined;
}

/** A part of a text with a class of its own. Places count code points. */
export interface Entity {
  readonly start: number;
  /** Behind its last one. */
  readonly end: number;
  /** This part of the text. */
  readonly word: string;
  /** The name of its class. */
  readonly entity: string;
  /** Of that class, from 0 to 1. */
  readonly score: number;
}

export interface FoundEntities {
  /** Of each text, in the order in which they stand there. */
  readonly entities: readonly (readonly Entity[])[];
  readonly tokens: readonly number[];
}

/** Texts may have more tokens than the model takes. */
export interface TokenizeCall {
  readonly texts: readonly string[];
  readonly addSpecial: boolean;
}

/** A token of a text. */
export interface TextToken {
  readonly id: number;
  /** As the vocabulary has it. */
  readonly piece: string;
  /** In code points of the text; both 0 for special tokens that the model adds. */
  readonly start: number;
  readonly end: number;
  readonly isSpecial: boolean;
}

export interface TokenizedText {
  readonly tokens: readonly TextToken[];
}

/** What the cache of embeddings holds and has done, for metrics. */
export interface EmbeddingCacheFigures {
  readonly sizeBytes: number;
  readonly entries: number;
  /** Texts that were found, and that were not. */
  readonly counts: { readonly hits: number; readonly misses: number };
}

/** A text model that serves. */
export interface ServingText {
  readonly id: string;
  readonly facts: TextFacts;
}

/** What text models answer, for every wire. All methods reject with a RuntimeError: "model-not-found",
 *  "model-not-ready", "failed-precondition" if the model is no text model, "invalid-argument" if it does something
 *  else or about a text, by its index, and what `Models.infer` rejects with; or with `signal.reason` as soon as it
 *  aborts. Large calls run in pieces of about one batch, a few at a time. */
export interface TextCalls {
  /** What a model is. Throws as the calls reject. */
  facts(id: string): TextFacts;
  /** The text models that serve now, by name. */
  serving(): readonly ServingText[];
  /** For models of embeddings. */
  embed(id: string, call: EmbedCall, signal: CancelSignal): Promise<Embedded>;
  /** How well each document answers the query: for rerankers, and for models of embeddings, by cosine. */
  score(id: string, call: ScoreCall, signal: CancelSignal): Promise<Scored>;
  /** For classifiers of whole texts. */
  classify(id: string, call: ClassifyCall, signal: CancelSignal): Promise<Classified>;
  /** The cosine of each sentence and the source: for models of embeddings. */
  similarity(id: string, call: SimilarityCall, signal: CancelSignal): Promise<Scored>;
  /** For classifiers of tokens. */
  entities(id: string, call: EntitiesCall, signal: CancelSignal): Promise<FoundEntities>;
  /** For every text model. */
  tokenize(id: string, call: TokenizeCall, signal: CancelSignal): Promise<readonly TokenizedText[]>;
}

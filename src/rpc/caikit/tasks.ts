import type { CancelSignal } from "../../base/cancel-signal.ts";
import { RuntimeError } from "../../base/errors.ts";
import type { InferenceTimes } from "../../base/inference-times.ts";
import type { Entity, TextCalls } from "../../service/contract/text.ts";
import { cosines } from "./cosines.ts";
import { documentTexts, type Ranking, type RankRequest, rank } from "./ranking.ts";
import { refusePairs } from "./refuse-pairs.ts";
import { truncationOf } from "./token-limit.ts";
import { rewordTooLong } from "./too-long.ts";

/** What each task knows of its call, whichever wire it came by. */
export interface TaskCall {
  readonly modelId: string;
  readonly signal: CancelSignal;
  readonly times?: InferenceTimes | undefined;
}

/** Caikit's `truncate_input_tokens`. */
type Limit = number | bigint | undefined;

/** Texts that belong together. `what` names one of them in messages. */
interface Side {
  readonly texts: readonly string[];
  readonly limit: Limit;
  readonly what: string;
}

interface Scores {
  /** Of each text of the first kind, one for each of the second. */
  readonly scores: readonly Float64Array[];
  readonly tokens: number;
}

export interface SimilarityRequest {
  readonly sources: readonly string[];
  readonly sentences: readonly string[];
  readonly limit: Limit;
}

/** A token with its letters. */
export interface PlacedToken {
  /** In code points; `end` is behind the last one. */
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

export interface ScoredLabel {
  readonly label: string;
  readonly score: number;
}

const cutHint = "shorten it, or set truncate_input_tokens to a negative number, which cuts it";

/** Caikit's tasks in terms of what text models answer. `tokens` in the results counts what ran, special tokens
 *  included. All methods reject as `TextCalls` does. */
export class CaikitTasks {
  readonly #texts: TextCalls;

  constructor(texts: TextCalls) {
    this.#texts = texts;
  }

  async embed(
    call: TaskCall,
    texts: readonly string[],
    limit: Limit,
  ): Promise<{ readonly vectors: readonly Float32Array[]; readonly tokens: number }> {
    return this.#embed(call, { texts, limit, what: "text" });
  }

  /** Of each source, the scores of all sentences. */
  async similarities(call: TaskCall, request: SimilarityRequest): Promise<Scores> {
    const { sources, sentences, limit } = request;
    if (sources.length === 0 || sentences.length === 0) {
      const message = "the request needs a source sentence and at least one sentence";
      throw new RuntimeError("invalid-argument", message);
    }
    refusePairs([sources.length, "source sentences"], [sentences.length, "sentences"]);
    return this.#compare(call, [
      { texts: sources, limit, what: "source sentence" },
      { texts: sentences, limit, what: "sentence" },
    ]);
  }

  async rank(
    call: TaskCall,
    request: RankRequest,
    limit: Limit,
  ): Promise<{ readonly rankings: readonly Ranking[]; readonly tokens: number }> {
    const { queries } = request;
    const documents = documentTexts(request);
    const isEmbedding = this.#texts.facts(call.modelId).task === "embedding";
    // With one query, the service compares as well, and takes empty documents.
    const { scores, tokens } =
      isEmbedding && queries.length > 1
        ? await this.#compare(call, [
            { texts: queries, limit, what: "query" },
            { texts: documents, limit, what: "document" },
          ])
        : await this.#score(call, { queries, documents, limit });
    const rankings = queries.map((query, index) =>
      rank(request, { query, texts: documents, scores: scores[index] as Float64Array }),
    );
    return { rankings, tokens };
  }

  /** In the order of the model's labels. Caikit's request cannot ask for it, so texts that are too long are cut, as
   *  Caikit cuts them. */
  async classify(
    { modelId, signal, times }: TaskCall,
    text: string,
  ): Promise<readonly ScoredLabel[]> {
    const call = { texts: [text], truncate: "model", times } as const;
    const { labels, scores } = await this.#texts.classify(modelId, call, signal);
    return labels.map((label, index) => ({ label, score: scores[0]?.[index] ?? Number.NaN }));
  }

  /** Never cuts a text: what nobody has looked at would pass for free of entities. */
  async entities(
    { modelId, signal, times }: TaskCall,
    text: string,
    threshold: number | undefined,
  ): Promise<{ readonly entities: readonly Entity[]; readonly tokens: number }> {
    const call = { texts: [text], threshold, truncate: "error", times } as const;
    const { entities, tokens } = await this.#texts
      .entities(modelId, call, signal)
      .catch((reason: unknown) =>
        rewordTooLong(reason, { what: "text", hint: "send it in parts" }),
      );
    return { entities: entities[0] ?? [], tokens: sum(tokens) };
  }

  /** `tokens` counts the special ones too, which are not among the results. */
  async tokenize(
    { modelId, signal }: TaskCall,
    text: string,
  ): Promise<{ readonly results: readonly PlacedToken[]; readonly tokens: number }> {
    const call = { texts: [text], addSpecial: true };
    const [tokenized] = await this.#texts.tokenize(modelId, call, signal);
    const tokens = tokenized?.tokens ?? [];
    const letters = lettersOf(text);
    const results = tokens
      .filter(({ isSpecial }) => !isSpecial)
      .map(({ start, end }) => ({ start, end, text: letters(start, end) }));
    return { results, tokens: tokens.length };
  }

  async #score(
    { modelId, signal, times }: TaskCall,
    request: {
      readonly queries: readonly string[];
      readonly documents: readonly string[];
      readonly limit: Limit;
    },
  ): Promise<Scores> {
    const { queries, documents, limit } = request;
    const truncate = truncationOf(limit, this.#texts.facts(modelId).maxTokens);
    const scores: Float64Array[] = [];
    let tokenCount = 0;
    // One after the other: a query with many documents is a full load by itself.
    for (const query of queries) {
      const scored = await this.#texts
        .score(modelId, { query, documents, truncate, times }, signal)
        .catch((reason: unknown) => rewordTooLong(reason, { what: "text", hint: cutHint }));
      scores.push(scored.scores);
      tokenCount += sum(scored.tokens);
    }
    return { scores, tokens: tokenCount };
  }

  /** The cosines of two lists of texts, each of which is embedded once, however many pairs there are. */
  async #compare(call: TaskCall, sides: readonly [Side, Side]): Promise<Scores> {
    const [from, to] = await Promise.all([
      this.#embed(call, sides[0]),
      this.#embed(call, sides[1]),
    ]);
    return { scores: cosines(from.vectors, to.vectors), tokens: from.tokens + to.tokens };
  }

  async #embed(
    { modelId, signal, times }: TaskCall,
    { texts, limit, what }: Side,
  ): Promise<{ readonly vectors: readonly Float32Array[]; readonly tokens: number }> {
    const truncate = truncationOf(limit, this.#texts.facts(modelId).maxTokens);
    const { vectors, tokens } = await this.#texts
      .embed(modelId, { texts, truncate, times }, signal)
      .catch((reason: unknown) => rewordTooLong(reason, { what, hint: cutHint }));
    return { vectors, tokens: sum(tokens) };
  }
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}

/** The letters of a text by places in code points. */
function lettersOf(text: string): (start: number, end: number) => string {
  // Without pairs of surrogates, places are the same in both counts.
  if (!/[\ud800-\udbff]/.test(text)) return (start, end) => text.slice(start, end);
  const points = Array.from(text);
  return (start, end) => points.slice(start, end).join("");
}

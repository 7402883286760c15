import type { CancelSignal } from "../../base/cancel-signal.ts";
import type { TextFacts } from "../../engine/contract/text-facts.ts";
import type {
  Classified,
  ClassifyCall,
  EmbedCall,
  Embedded,
  EntitiesCall,
  FoundEntities,
  ScoreCall,
  Scored,
  ServingText,
  SimilarityCall,
  TextCalls,
  TokenizeCall,
  TokenizedText,
} from "../contract/text.ts";
import { refuseOtherTask } from "./check-texts.ts";
import { classifyTexts, findEntities } from "./classify-texts.ts";
import { embed } from "./embed.ts";
import type { EmbeddingCache } from "./embedding-cache.ts";
import { scoreByCosine, scoreDocuments, similarity } from "./score.ts";
import type { TextTarget } from "./text-target.ts";
import { tokenize } from "./tokenize.ts";

export interface TextModels {
  /** Throws as `TextCalls.facts`. */
  facts(id: string): TextFacts;
  /** As `TextCalls.serving`. */
  serving(): readonly ServingText[];
  /** Calls `work` with the model that serves, which stays in memory until it has ended. Rejects as `TextCalls`, and as
   *  `work` does. */
  use<Result>(
    id: string,
    signal: CancelSignal,
    work: (target: TextTarget) => Promise<Result>,
  ): Promise<Result>;
}

/** What text models answer, of what they compute. */
export class TextService implements TextCalls {
  readonly #models: TextModels;
  readonly #cache: EmbeddingCache | undefined;

  constructor(models: TextModels, cache: EmbeddingCache | undefined) {
    this.#models = models;
    this.#cache = cache;
  }

  facts(id: string): TextFacts {
    return this.#models.facts(id);
  }

  serving(): readonly ServingText[] {
    return this.#models.serving();
  }

  embed(id: string, call: EmbedCall, signal: CancelSignal): Promise<Embedded> {
    return this.#models.use(id, signal, (target) => {
      refuseOtherTask(target, "embedding");
      return embed({ target, cache: this.#cache }, call, signal);
    });
  }

  score(id: string, call: ScoreCall, signal: CancelSignal): Promise<Scored> {
    return this.#models.use(id, signal, (target) => {
      refuseOtherTask(target, "rerank", "embedding");
      return target.facts.task === "rerank"
        ? scoreDocuments(target, call, signal)
        : scoreByCosine({ target, cache: this.#cache }, call, signal);
    });
  }

  classify(id: string, call: ClassifyCall, signal: CancelSignal): Promise<Classified> {
    return this.#models.use(id, signal, (target) => {
      refuseOtherTask(target, "classification");
      return classifyTexts(target, call, signal);
    });
  }

  similarity(id: string, call: SimilarityCall, signal: CancelSignal): Promise<Scored> {
    return this.#models.use(id, signal, (target) => {
      refuseOtherTask(target, "embedding");
      return similarity({ target, cache: this.#cache }, call, signal);
    });
  }

  entities(id: string, call: EntitiesCall, signal: CancelSignal): Promise<FoundEntities> {
    return this.#models.use(id, signal, (target) => {
      refuseOtherTask(target, "token-classification");
      return findEntities(target, call, signal);
    });
  }

  tokenize(
    id: string,
    call: TokenizeCall,
    signal: CancelSignal,
  ): Promise<readonly TokenizedText[]> {
    return this.#models.use(id, signal, (target) => tokenize(target, call, signal));
  }
}

import type { CancelSignal } from "../../../src/base/cancel-signal.ts";
import { RuntimeError } from "../../../src/base/errors.ts";
import type { TextFacts, TextTask } from "../../../src/engine/contract/text-facts.ts";
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
  Truncate,
} from "../../../src/service/contract/text.ts";
import { TextTooLongError } from "../../../src/service/contract/text-too-long-error.ts";

/** Text models without engines, for tests of the wire layer, named after their tasks: "embedding" (three numbers: letters,
 *  words, 1), "rerank" (words that query and document share), "classification" (labels "long" and "short"),
 *  "token-classification" (every word with a capital is a "NAME"), and "hangs", an embedding without an end. A token is a
 *  word, and two special ones come with each text; models take eight. */
export class WordTexts implements TextCalls {
  /** What came in, oldest first. */
  readonly calls: { readonly method: string; readonly id: string; readonly call: object }[] = [];

  facts(id: string): TextFacts {
    const task = id === "hangs" ? "embedding" : tasks.find((each) => each === id);
    if (task !== undefined) return factsOf(task);
    if (id === "add-one") {
      throw new RuntimeError("failed-precondition", `model '${id}' is not a text model`);
    }
    throw new RuntimeError("model-not-found", `model '${id}' is not loaded`);
  }

  serving(): readonly ServingText[] {
    return tasks.map((task) => ({ id: task, facts: factsOf(task) }));
  }

  async embed(id: string, call: EmbedCall, signal: CancelSignal): Promise<Embedded> {
    this.#note("embed", id, call);
    this.#check(id, ["embedding"]);
    if (id === "hangs") return untilAborted(signal);
    const texts = call.texts.map((text, index) => cut(String(text), index, call.truncate));
    const vectors = texts.map((words) => Float32Array.of(words.join("").length, words.length, 1));
    return { vectors, tokens: texts.map((words) => words.length + 2) };
  }

  async score(id: string, call: ScoreCall, signal: CancelSignal): Promise<Scored> {
    this.#note("score", id, call);
    this.#check(id, ["rerank", "embedding"]);
    signal.throwIfAborted();
    const query = new Set(wordsOf(call.query));
    const documents = call.documents.map((text, index) => cut(text, index, call.truncate));
    const shared = documents.map((words) => words.filter((word) => query.has(word)).length);
    return {
      scores: Float64Array.from(shared),
      tokens: documents.map((words) => words.length + query.size + 3),
    };
  }

  async classify(id: string, call: ClassifyCall): Promise<Classified> {
    this.#note("classify", id, call);
    this.#check(id, ["classification"]);
    const texts = call.texts.map((text, index) => cut(String(text), index, call.truncate));
    return {
      labels: ["long", "short"],
      scores: texts.map(({ length }) =>
        length > 3 ? Float64Array.of(0.75, 0.25) : Float64Array.of(0.25, 0.75),
      ),
      tokens: texts.map(({ length }) => length + 2),
    };
  }

  async similarity(id: string, call: SimilarityCall, signal: CancelSignal): Promise<Scored> {
    return this.score(id, { ...call, query: call.source, documents: call.sentences }, signal);
  }

  async entities(id: string, call: EntitiesCall): Promise<FoundEntities> {
    this.#note("entities", id, call);
    this.#check(id, ["token-classification"]);
    const texts = call.texts.map((text, index) => cut(text, index, call.truncate));
    const entities = call.texts.map((text) =>
      placesIn(text)
        .filter(({ word }) => /^\p{Lu}/u.test(word) && (call.threshold ?? 0) <= 0.5)
        .map((place) => ({ ...place, entity: "NAME", score: 0.5 })),
    );
    return { entities, tokens: texts.map((words) => words.length + 2) };
  }

  async tokenize(id: string, call: TokenizeCall): Promise<readonly TokenizedText[]> {
    this.#note("tokenize", id, call);
    this.facts(id);
    const special = { id: 1, piece: "[X]", start: 0, end: 0, isSpecial: true };
    return call.texts.map((text) => {
      const tokens = placesIn(text).map(({ word, start, end }) => {
        return { id: 2, piece: word.toLowerCase(), start, end, isSpecial: false };
      });
      return { tokens: call.addSpecial ? [special, ...tokens, special] : tokens };
    });
  }

  #note(method: string, id: string, call: object): void {
    this.calls.push({ method, id, call });
  }

  #check(id: string, wanted: readonly TextTask[]): void {
    const { task } = this.facts(id);
    if (wanted.includes(task)) return;
    throw new RuntimeError("invalid-argument", `model '${id}' is made for ${task}`);
  }
}

const tasks = ["embedding", "rerank", "classification", "token-classification"] as const;
const maxTokens = 8;

function factsOf(task: TextTask): TextFacts {
  return {
    task,
    architecture: "FakeModel",
    dimensions: task === "embedding" ? 3 : undefined,
    labels: task === "classification" ? ["long", "short"] : [],
    activation: "identity",
    maxTokens,
    isNormalised: false,
    prompts: {},
    defaultPrompt: undefined,
    pooling: task === "embedding" ? "mean" : undefined,
  };
}

function wordsOf(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== "");
}

/** The words that run. */
function cut(text: string, index: number, truncate: Truncate): string[] {
  const words = wordsOf(text);
  const limit = typeof truncate === "number" ? truncate : maxTokens;
  if (words.length + 2 <= limit) return words;
  if (truncate !== "error") return words.slice(0, limit - 2);
  throw new TextTooLongError(`text ${index}`, { index, tokens: words.length + 2, limit });
}

/** The words of a text and their places in code points. */
function placesIn(text: string): { word: string; start: number; end: number }[] {
  return [...text.matchAll(/\S+/g)].map(({ 0: word, index }) => {
    const start = Array.from(text.slice(0, index)).length;
    return { word, start, end: start + Array.from(word).length };
  });
}

function untilAborted(signal: CancelSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
  });
}

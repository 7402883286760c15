import type { CancelSignal } from "../../base/cancel-signal.ts";
import type { TextFacts } from "../../engine/contract/text-facts.ts";
import type { ScoreCall, Scored, SimilarityCall, TextCall } from "../contract/text.ts";
import { scoresOf } from "./activation.ts";
import { refuseCount, refuseOddText } from "./check-texts.ts";
import { type Embedder, promptOf, vectorsOf } from "./embed.ts";
import { runItems } from "./run-items.ts";
import { notANumber, type RowName } from "./text-errors.ts";
import type { TextTarget } from "./text-target.ts";
import { cosine } from "./vectors.ts";

/** As `TextCalls.score`, with a model that reads query and document together. */
export async function scoreDocuments(
  target: TextTarget,
  call: ScoreCall,
  signal: CancelSignal,
): Promise<Scored> {
  const { query, documents } = call;
  refuseQuery(call);
  const nameOf: RowName = (index) => `document ${index} with the query`;
  const pairs = documents.map((document) => [query, document] as const);
  return await scorePairs(target, { ...call, pairs, nameOf }, signal);
}

/** The scores of a ranking model for pairs of a query and a document. */
export async function scorePairs(
  target: TextTarget,
  call: TextCall &
    Pick<ScoreCall, "raw"> & {
      readonly pairs: readonly (readonly [query: string, document: string])[];
      readonly nameOf: RowName;
    },
  signal: CancelSignal,
): Promise<Scored> {
  const { pairs, nameOf, truncate, truncateSide, raw, times } = call;
  const activation = raw === true ? "identity" : target.facts.activation;
  const items = pairs.map(([text, pair]) => {
    return { text, pair, addSpecial: true, truncate, truncateSide };
  });
  const results = await runItems(target, { items, output: "logits", nameOf, times }, signal);
  const scores = new Float64Array(results.length);
  for (const [index, { values }] of results.entries()) {
    // A ranking model has one logit.
    const score = scoresOf(values, activation)[0] ?? Number.NaN;
    if (!Number.isFinite(score)) throw notANumber(nameOf(index), target.label);
    scores[index] = score;
  }
  return { scores, tokens: results.map(({ report }) => report.tokens) };
}

/** As `TextCalls.score`, with a model of embeddings: the cosine, with the prompts that the model has for the two. */
export async function scoreByCosine(
  embedder: Embedder,
  call: ScoreCall,
  signal: CancelSignal,
): Promise<Scored> {
  const { query, documents } = call;
  const { facts, label } = embedder.target;
  refuseQuery(call);
  const queryPrompt = promptOf(facts, firstOf(facts, "query"), label);
  const documentPrompt = promptOf(facts, firstOf(facts, "document", "passage", "corpus"), label);
  const nameOf: RowName = (index) => (index === 0 ? "the query" : `document ${index - 1}`);
  const texts = [
    { text: query, prompt: queryPrompt },
    ...documents.map((text) => ({ text, prompt: documentPrompt })),
  ];
  return cosinesOf(await vectorsOf(embedder, texts, { ...call, nameOf }, signal));
}

/** As `TextCalls.similarity`. */
export async function similarity(
  embedder: Embedder,
  call: SimilarityCall,
  signal: CancelSignal,
): Promise<Scored> {
  const { source, sentences } = call;
  const { facts, label } = embedder.target;
  refuseCount(sentences.length, "sentences");
  const nameOf: RowName = (index) => (index === 0 ? "the source" : `sentence ${index - 1}`);
  const prompt = promptOf(facts, undefined, label);
  const texts = [source, ...sentences].map((text) => ({ text, prompt }));
  for (const [index, { text }] of texts.entries()) refuseOddText(text, index, { nameOf });
  return cosinesOf(await vectorsOf(embedder, texts, { ...call, nameOf }, signal));
}

function cosinesOf({
  vectors,
  tokens,
}: {
  readonly vectors: readonly Float32Array[];
  readonly tokens: readonly number[];
}): Scored {
  const [first, ...others] = vectors;
  const source = first as Float32Array;
  return { scores: Float64Array.from(others, (vector) => cosine(source, vector)), tokens };
}

/** Documents may be empty: one without a text must not keep the others from being ranked. */
function refuseQuery({ query, documents }: ScoreCall): void {
  refuseOddText(query, 0, { nameOf: () => "the query" });
  refuseCount(documents.length, "documents");
  const nameOf: RowName = (index) => `document ${index}`;
  for (const [index, text] of documents.entries()) {
    refuseOddText(text, index, { nameOf, mayBeEmpty: true });
  }
}

/** The first of these prompts that the model has. */
function firstOf({ prompts }: TextFacts, ...names: readonly string[]): string | undefined {
  return names.find((name) => Object.hasOwn(prompts, name));
}

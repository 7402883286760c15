import type { CancelSignal } from "../../base/cancel-signal.ts";
import type { TextFacts } from "../../engine/contract/text-facts.ts";
import type { TextItem } from "../../engine/text/items/text-item.ts";
import type { EmbedCall, Embedded, TextCall, TextInput } from "../contract/text.ts";
import { refuseCount, refuseOddText } from "./check-texts.ts";
import type { CachedVector, EmbeddingCache } from "./embedding-cache.ts";
import { runItems } from "./run-items.ts";
import { invalid, notANumber, type RowName } from "./text-errors.ts";
import type { TextTarget } from "./text-target.ts";
import { areFinite, cutVector, normalised } from "./vectors.ts";

/** What turns texts into vectors: a model, and what it has answered before. */
export interface Embedder {
  readonly target: TextTarget;
  readonly cache: EmbeddingCache | undefined;
}

/** A text, and the prompt that is put before it. */
export interface PromptedText {
  readonly text: TextInput;
  readonly prompt: string | undefined;
}

/** As `TextCalls.embed`. */
export async function embed(
  embedder: Embedder,
  call: EmbedCall,
  signal: CancelSignal,
): Promise<Embedded> {
  const { facts, label } = embedder.target;
  const { texts, prompt, dimensions, normalise } = call;
  const nameOf: RowName = (index) => `text ${index}`;
  refuseCount(texts.length, "texts");
  for (const [index, text] of texts.entries()) refuseOddText(text, index, { nameOf });
  const width = facts.dimensions;
  const isCut = dimensions !== undefined;
  if (isCut && (!Number.isInteger(dimensions) || dimensions < 1 || dimensions > (width ?? 0))) {
    throw invalid(
      `dimensions is ${dimensions}, expected an integer from 1 to ${width}, which model '${label}' has`,
    );
  }
  if (normalise === false && facts.isNormalised) {
    throw invalid(`model '${label}' makes vectors of length 1 itself: normalize cannot be false`);
  }
  const prefix = promptOf(facts, prompt, label);
  const prompted = texts.map((text) => {
    if (typeof text === "string") return { text, prompt: prefix };
    if (prompt === undefined) return { text, prompt: undefined };
    throw invalid("a prompt cannot be put before tokens: send the texts themselves");
  });
  const { vectors, tokens } = await vectorsOf(embedder, prompted, { ...call, nameOf }, signal);
  const finish = isCut
    ? (vector: Float32Array) => cutVector(vector, dimensions)
    : normalise === true && !facts.isNormalised
      ? normalised
      : undefined;
  return { vectors: finish === undefined ? vectors : vectors.map(finish), tokens };
}

/** The model's own vectors. */
export async function vectorsOf(
  { target, cache }: Embedder,
  texts: readonly PromptedText[],
  call: TextCall & { readonly nameOf: RowName },
  signal: CancelSignal,
): Promise<Embedded> {
  const found = new Array<CachedVector | undefined>(texts.length);
  const missing: number[] = [];
  const items: TextItem[] = [];
  const startMs = performance.now();
  for (const [index, { text, prompt }] of texts.entries()) {
    const item = itemOf(text, prompt, call);
    found[index] = cache?.find(target.generation, item);
    if (found[index] !== undefined) continue;
    missing.push(index);
    items.push(item);
  }
  const isHit = items.length === 0;
  if (cache !== undefined) target.noteLookup?.(isHit, performance.now() - startMs);
  if (!isHit) {
    const nameOf: RowName = (at) => call.nameOf(missing[at] as number);
    const rows = { items, output: "embedding", nameOf, times: call.times } as const;
    const results = await runItems(target, rows, signal);
    for (const [at, { values, report }] of results.entries()) {
      if (!areFinite(values)) throw notANumber(nameOf(at), target.label);
      const vector = { values, tokens: report.tokens };
      found[missing[at] as number] = vector;
      cache?.add(target.generation, items[at] as TextItem, vector);
    }
  }
  const all = found as readonly CachedVector[];
  return { vectors: all.map(({ values }) => values), tokens: all.map(({ tokens }) => tokens) };
}

function itemOf(
  text: TextInput,
  prompt: string | undefined,
  { truncate, truncateSide }: TextCall,
): TextItem {
  // Tokens are sent with the special ones, if the client wants them.
  return typeof text === "string"
    ? { text, prompt, addSpecial: true, truncate, truncateSide }
    : { ids: text, addSpecial: false, truncate, truncateSide };
}

/** What is put before a text: of the prompt with this name, or of the default one. */
export function promptOf(
  { prompts, defaultPrompt }: TextFacts,
  name: string | undefined,
  label: string,
): string | undefined {
  const wanted = name ?? defaultPrompt;
  if (wanted === undefined) return undefined;
  if (Object.hasOwn(prompts, wanted)) return prompts[wanted] || undefined;
  const known = Object.keys(prompts).map((each) => `'${each}'`);
  const text = known.length === 0 ? "it has none" : `it has ${known.join(", ")}`;
  throw invalid(`model '${label}' has no prompt '${wanted.slice(0, 100)}': ${text}`);
}

import { packElements, unpackElements } from "../../../src/base/bytes-elements.ts";
import type { CancelSignal } from "../../../src/base/cancel-signal.ts";
import type { Tensor } from "../../../src/base/tensor.ts";
import type { TextFacts } from "../../../src/engine/contract/text-facts.ts";
import type { TextItem } from "../../../src/engine/text/items/text-item.ts";
import { packReport, type TextReport } from "../../../src/engine/text/items/text-report.ts";
import { unpackItem } from "../../../src/engine/text/items/unpack-item.ts";
import type { TextTarget } from "../../../src/service/text/text-target.ts";

const fakeDimensions = 8;

/** What a folder with nothing special says. */
export function textFacts(changes: Partial<TextFacts> = {}): TextFacts {
  return {
    task: "embedding",
    architecture: "BertModel",
    dimensions: fakeDimensions,
    labels: [],
    activation: "identity",
    maxTokens: 16,
    isNormalised: true,
    prompts: {},
    defaultPrompt: undefined,
    pooling: "mean",
    ...changes,
  };
}

/** One request that the engine was asked to run. */
export interface FakeRun {
  readonly items: readonly TextItem[];
  readonly outputs: readonly string[];
  readonly signal: CancelSignal;
}

/** A text model without an engine. A word is a token, and two more stand around each text. A text's vector follows from
 *  its tokens; a pair's only logit is the number of words that both have, less one; a text's logits are how often it
 *  has each label as a word. The text "NaN" has no numbers. */
export class FakeTextTarget implements TextTarget {
  readonly label: string;
  readonly facts: TextFacts;
  readonly generation: number;
  readonly runs: FakeRun[] = [];
  /** Runs wait for this. */
  gate: Promise<void> = Promise.resolve();
  /** Most runs that were under way at once. */
  mostAtOnce = 0;
  #atOnce = 0;

  constructor(facts: Partial<TextFacts> = {}, { label = "m", generation = 1 } = {}) {
    this.label = label;
    this.facts = textFacts(facts);
    this.generation = generation;
  }

  get ranItems(): number {
    return this.runs.reduce((sum, { items }) => sum + items.length, 0);
  }

  async run(
    packed: Uint8Array,
    { rows, outputs, signal }: Parameters<TextTarget["run"]>[1],
  ): Promise<readonly Tensor[]> {
    const items = unpackElements(packed).map((element) => {
      const item = unpackItem(element);
      if (item === undefined) throw new Error("this is no packed item");
      return item;
    });
    if (items.length !== rows) throw new Error(`${rows} rows were announced, not ${items.length}`);
    this.runs.push({ items, outputs, signal });
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.#atOnce);
    await this.gate;
    this.#atOnce--;
    signal.throwIfAborted();
    const reports = items.map((item) => this.#reportOf(item));
    return outputs.map((name) => {
      if (name === "report") {
        const data = packElements(reports.map(packReport));
        return { name, datatype: "BYTES", shape: [rows], data };
      }
      const width = name === "embedding" ? fakeDimensions : this.#logitCount;
      const values = new Float32Array(rows * width);
      for (const [at, item] of items.entries()) {
        if (reports[at]?.fault === undefined) values.set(this.#numbersOf(item, name), at * width);
      }
      return {
        name,
        datatype: "FP32",
        shape: [rows, width],
        data: new Uint8Array(values.buffer),
      };
    });
  }

  get #logitCount(): number {
    return Math.max(1, this.facts.labels.length);
  }

  #reportOf(item: TextItem): TextReport {
    const { truncate, want, text = "", addSpecial } = item;
    const all = tokensOf(item);
    const limit = Math.min(this.facts.maxTokens, typeof truncate === "number" ? truncate : 2 ** 31);
    if (all.length > limit && truncate === "error" && want !== "offsets") {
      return { fault: { kind: "too-long", tokens: all.length, limit: this.facts.maxTokens } };
    }
    const odd = item.ids?.find((id) => id >= 30_000);
    if (odd !== undefined) return { fault: { kind: "bad-id", tokens: 1, limit: 30_000, id: odd } };
    const tokens = Math.min(all.length, limit);
    if (want === "offsets") return { tokens, ...placesOf(text, addSpecial) };
    if (want === "entities") return { tokens, entities: entitiesOf(text) };
    return { tokens, ...(tokens < all.length && { totalTokens: all.length }) };
  }

  #numbersOf(item: TextItem, output: string): number[] {
    if (item.text === "NaN") return new Array<number>(this.#logitCount).fill(Number.NaN);
    if (output === "logits") {
      const { labels } = this.facts;
      const { text = "", pair = "" } = item;
      if (labels.length > 1) return labels.map((label) => count(`${text} ${pair}`, label));
      const words = new Set(text.split(" "));
      const shared = new Set(pair.split(" ").filter((word) => words.has(word)));
      return [shared.size - 1];
    }
    return vectorOf(item, this.facts);
  }
}

/** The vector of an item as the fake makes it. */
export function vectorOf(item: TextItem, { isNormalised, maxTokens }: TextFacts): number[] {
  const { truncate, truncateSide } = item;
  const limit = typeof truncate === "number" ? Math.min(truncate, maxTokens) : maxTokens;
  const all = tokensOf(item);
  const kept = truncateSide === "left" ? all.slice(-limit) : all.slice(0, limit);
  const numbers = new Array<number>(fakeDimensions).fill(0);
  for (const token of kept) {
    let hash = 7;
    for (const letter of token) hash = (hash * 31 + (letter.codePointAt(0) ?? 0)) % 65_521;
    for (let at = 0; at < numbers.length; at++) {
      hash = (hash * 75 + 74) % 65_537;
      numbers[at] = (numbers[at] as number) + hash / 65_537 - 0.5;
    }
  }
  if (!isNormalised) return numbers;
  const length = Math.hypot(...numbers);
  return numbers.map((value) => value / length);
}

function tokensOf({ text = "", pair, prompt = "", ids, addSpecial }: TextItem): string[] {
  if (ids !== undefined) return Array.from(ids, String);
  const words = [`${prompt}${text}`, ...(pair === undefined ? [] : [pair])].flatMap(wordsOf);
  return addSpecial ? ["[CLS]", ...words, "[SEP]"] : words;
}

function wordsOf(text: string): string[] {
  return text.split(" ").filter((word) => word !== "");
}

function count(text: string, word: string): number {
  return wordsOf(text).filter((each) => each === word).length;
}

function placesOf(text: string, addSpecial: boolean) {
  const pieces: string[] = [];
  const offsets: [number, number][] = [];
  for (const { 0: word, index } of text.matchAll(/[^ ]+/g)) {
    const start = Array.from(text.slice(0, index)).length;
    pieces.push(word);
    offsets.push([start, start + Array.from(word).length]);
  }
  if (addSpecial) {
    pieces.unshift("[CLS]");
    pieces.push("[SEP]");
    offsets.unshift([0, 0]);
    offsets.push([0, 0]);
  }
  const special = addSpecial ? [0, pieces.length - 1] : [];
  return { ids: pieces.map((_, at) => at), pieces, offsets, special };
}

/** Words with a capital letter. */
function entitiesOf(text: string) {
  return Array.from(text.matchAll(/\p{Lu}[^ ]*/gu), ({ 0: word, index }) => {
    const start = Array.from(text.slice(0, index)).length;
    return { start, end: start + Array.from(word).length, word, entity: "NAME", score: 0.75 };
  });
}

import type { TextTokenizer, TokenPlace } from "../tokens/text-tokenizer.ts";
import { CodePointText } from "./code-point-text.ts";

/** How the classes of tokens become entities, under the names that transformers gives it (`aggregation_strategy`):
 *  - none: every token is an entity, under the whole name of its class, such as "B-PER".
 *  - simple: neighbours of the same class are one entity, unless the later one begins another ("B-").
 *  - first, average, max: the tokens of a word agree first, on the class of the first one, on the best mean of their scores, or on
 *    the class of the token with the highest score. Words are then joined as tokens are with "simple". */
export type GroupingStrategy = "none" | "simple" | "first" | "average" | "max";

export interface TokenClasses {
  /** As it was tokenised. */
  readonly text: string;
  /** The tokens that ran, special ones included. */
  readonly places: readonly TokenPlace[];
  /** [places, labels], row-major. */
  readonly logits: Float32Array;
  readonly labels: readonly string[];
  readonly tokenizer: Pick<TextTokenizer, "unknownId" | "subwordPrefix">;
  /** Default: "simple". */
  readonly strategy?: GroupingStrategy;
}

export interface GroupedEntity {
  /** In code points of the text. */
  readonly start: number;
  readonly end: number;
  /** This part of the text. transformers puts pieces together instead, in lower case if the model has no other. */
  readonly word: string;
  /** The name of its class; without "B-" and "I-" unless nothing is grouped. */
  readonly entity: string;
  /** From 0 to 1; the mean of those of its tokens or words. */
  readonly score: number;
}

/** Of no interest to anyone. */
const outside = "O";

/** A token or a word, and the class that it has. */
interface Labelled {
  readonly start: number;
  readonly end: number;
  readonly label: string;
  readonly score: number;
}

interface ScoredToken {
  readonly place: TokenPlace;
  /** By class, their sum is 1. */
  readonly scores: Float64Array;
}

/** The entities in a text, in order, those of class "O" left out: what transformers' pipeline for token classification finds
 *  with this strategy. */
export function groupEntities(classes: TokenClasses): GroupedEntity[] {
  const { labels, strategy = "simple" } = classes;
  const text = new CodePointText(classes.text);
  const tokens = scoredTokens(classes);
  const words =
    strategy === "none" || strategy === "simple"
      ? tokens.map((token) => [token])
      : wordsOf(tokens, text, classes.tokenizer);
  const labelled = words.map((word) => labelWord(word, labels, strategy));
  const groups = strategy === "none" ? labelled.map((one) => [one]) : joinLabelled(labelled);
  return groups.flatMap((group) => {
    const [first] = group as [Labelled];
    const { end } = group.at(-1) as Labelled;
    const entity = strategy === "none" ? first.label : groupName(first.label);
    if (entity === outside) return [];
    const score = group.reduce((sum, one) => sum + one.score, 0) / group.length;
    return [{ start: first.start, end, word: text.slice(first.start, end), entity, score }];
  });
}

function scoredTokens({ places, logits, labels }: TokenClasses): ScoredToken[] {
  return places.flatMap((place, at) => {
    if (place.isSpecial) return [];
    return [
      { place, scores: softmax(logits.subarray(at * labels.length, (at + 1) * labels.length)) },
    ];
  });
}

function softmax(logits: Float32Array): Float64Array {
  const max = Math.max(...logits);
  const scores = Float64Array.from(logits, (logit) => Math.exp(logit - max));
  const sum = scores.reduce((total, score) => total + score, 0);
  return scores.map((score) => score / sum);
}

/** Tokens by word. A token continues a word if its piece is marked so, or, where pieces are not marked, if no space is before
 *  it. */
function wordsOf(
  tokens: readonly ScoredToken[],
  text: CodePointText,
  tokenizer: TokenClasses["tokenizer"],
): ScoredToken[][] {
  const words: ScoredToken[][] = [];
  for (const token of tokens) {
    const word = words.at(-1);
    if (word !== undefined && continuesWord(token.place, text, tokenizer)) word.push(token);
    else words.push([token]);
  }
  return words;
}

function continuesWord(
  { id, piece, start, end }: TokenPlace,
  text: CodePointText,
  { unknownId, subwordPrefix }: TokenClasses["tokenizer"],
): boolean {
  if (id === unknownId) return false;
  if (subwordPrefix !== undefined) return [...piece].length !== end - start;
  return start > 0 && !text.slice(start - 1, start + 1).includes(" ");
}

function labelWord(
  tokens: readonly ScoredToken[],
  labels: readonly string[],
  strategy: GroupingStrategy,
): Labelled {
  const scores = wordScores(tokens, strategy);
  const best = indexOfMax(scores);
  const { start } = (tokens[0] as ScoredToken).place;
  const { end } = (tokens.at(-1) as ScoredToken).place;
  return { start, end, label: labels[best] ?? `LABEL_${best}`, score: scores[best] as number };
}

function wordScores(tokens: readonly ScoredToken[], strategy: GroupingStrategy): Float64Array {
  const [first] = tokens as [ScoredToken];
  if (strategy === "max") {
    const highest = tokens.map(({ scores }) => scores[indexOfMax(scores)] as number);
    return (tokens[indexOfMax(highest)] as ScoredToken).scores;
  }
  if (strategy !== "average") return first.scores;
  return first.scores.map(
    (_, at) => tokens.reduce((sum, { scores }) => sum + (scores[at] as number), 0) / tokens.length,
  );
}

/** The first one of equals. */
function indexOfMax(values: ArrayLike<number>): number {
  let best = 0;
  for (let at = 1; at < values.length; at++) {
    if ((values[at] as number) > (values[best] as number)) best = at;
  }
  return best;
}

function joinLabelled(labelled: readonly Labelled[]): Labelled[][] {
  const groups: Labelled[][] = [];
  let lastTag: string | undefined;
  for (const one of labelled) {
    const { tag, begins } = readTag(one.label);
    const group = groups.at(-1);
    if (group !== undefined && tag === lastTag && !begins) group.push(one);
    else groups.push([one]);
    lastTag = tag;
  }
  return groups;
}

/** A class without "B-" or "I-" continues one of the same name. */
function readTag(label: string): { readonly tag: string; readonly begins: boolean } {
  const begins = label.startsWith("B-");
  return { tag: begins || label.startsWith("I-") ? label.slice(2) : label, begins };
}

/** What follows the first hyphen. */
function groupName(label: string): string {
  return label.slice(label.indexOf("-") + 1);
}

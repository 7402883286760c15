import type { ConfigFields } from "../config-fields.ts";
import { widthAt } from "../pieces/piece.ts";
import { idsOfBytes } from "./bpe.ts";
import type { TokenList } from "./token-list.ts";
import type { TokenModel } from "./token-model.ts";
import { UnitTrie } from "./unit-trie.ts";

/** How much worse an unknown character is than the worst piece. */
const unknownPenalty = 10;

/** SentencePiece's unigram model: of all ways to make a word of pieces, the one with the best sum of scores. */
export class Unigram implements TokenModel {
  readonly vocabulary: ReadonlyMap<string, number>;
  readonly unknownId: number | undefined;
  readonly subwordPrefix = undefined;
  readonly #scores: Float64Array;
  readonly #trie = new UnitTrie();
  readonly #unknownScore: number;
  readonly #hasByteFallback: boolean;
  readonly #paths = new BestPaths();

  constructor(model: ConfigFields) {
    const list = model.list("vocab");
    const vocabulary = new Map<string, number>();
    this.#scores = new Float64Array(list.length);
    let minScore = Number.POSITIVE_INFINITY;
    list.forEach((entry, id) => {
      if (!isScoredPiece(entry)) throw model.malformed("vocab", "a list of [piece, score]");
      const [piece, score] = entry;
      vocabulary.set(piece, id);
      if (piece !== "") this.#trie.set(piece, id);
      this.#scores[id] = score;
      minScore = Math.min(minScore, score);
    });
    this.vocabulary = vocabulary;
    this.#unknownScore = minScore - unknownPenalty;
    this.unknownId = model.has("unk_id") ? model.count("unk_id") : undefined;
    if (this.unknownId === undefined || this.unknownId >= list.length) {
      throw model.malformed("unk_id", `an index of the vocabulary's ${list.length} pieces`);
    }
    this.#hasByteFallback = model.flag("byte_fallback", false);
  }

  tokenize(word: string, tokens: TokenList): void {
    this.#search(word);
    const cuts = this.#paths.cuts(word.length, this.unknownId as number);
    let start = 0;
    for (let at = cuts.length - 1; at >= 0; at--) {
      const end = cuts[at] as number;
      this.#add(word, start, end, tokens);
      start = end;
    }
  }

  /** Finds the best way to each place of the word, from left to right. */
  #search(word: string): void {
    const paths = this.#paths;
    paths.reset(word.length);
    for (let start = 0; start < word.length; ) {
      const width = widthAt(word, start);
      const score = paths.scoreAt(start);
      let isKnown = false;
      let node = this.#trie.childOf(0, word.charCodeAt(start));
      for (let end = start + 1; node !== 0; end++) {
        const id = this.#trie.valueOf(node);
        if (id !== -1) {
          paths.offer(start, end, id, (this.#scores[id] as number) + score);
          if (end === start + width) isKnown = true;
        }
        if (end >= word.length) break;
        node = this.#trie.childOf(node, word.charCodeAt(end));
      }
      if (!isKnown) {
        paths.offer(start, start + width, this.unknownId as number, this.#unknownScore + score);
      }
      start += width;
    }
  }

  #add(word: string, start: number, end: number, tokens: TokenList): void {
    const piece = word.slice(start, end);
    const id = this.vocabulary.get(piece);
    const bytes =
      id === undefined && this.#hasByteFallback ? idsOfBytes(piece, this.vocabulary) : undefined;
    for (const token of bytes ?? [id ?? (this.unknownId as number)]) tokens.add(token, start, end);
  }
}

/** A word of this length leaves no buffers behind. */
const maxKept = 65_536;

/** For each place of a word: the best way to get there. */
class BestPaths {
  #scores = new Float64Array(256);
  /** -1 for places that nothing has led to yet. */
  #starts = new Int32Array(256);
  #ids = new Int32Array(256);

  reset(length: number): void {
    if (length >= this.#scores.length || this.#scores.length > maxKept) {
      const capacity = Math.max(256, length + 1);
      this.#scores = new Float64Array(capacity);
      this.#starts = new Int32Array(capacity);
      this.#ids = new Int32Array(capacity);
    }
    this.#scores.fill(0, 0, length + 1);
    this.#starts.fill(-1, 0, length + 1);
  }

  scoreAt(place: number): number {
    return this.#scores[place] as number;
  }

  /** A way of the same score as an earlier one is not taken. */
  offer(start: number, end: number, id: number, score: number): void {
    if (this.#starts[end] !== -1 && !(score > (this.#scores[end] as number))) return;
    this.#scores[end] = score;
    this.#starts[end] = start;
    this.#ids[end] = id;
  }

  /** Where the pieces of the best way to `length` end, the last one first. Unknown neighbours are one piece. */
  cuts(length: number, unknownId: number): number[] {
    const cuts: number[] = [];
    let wasUnknown = false;
    for (let end = length; end > 0; end = this.#starts[end] as number) {
      const isUnknown = this.#ids[end] === unknownId;
      if (!(isUnknown && wasUnknown)) cuts.push(end);
      wasUnknown = isUnknown;
    }
    return cuts;
  }
}

function isScoredPiece(value: unknown): value is [string, number] {
  return (
    Array.isArray(value) &&
    value.length === 2 &&
    typeof value[0] === "string" &&
    Number.isFinite(value[1])
  );
}

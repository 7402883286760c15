import { RuntimeError } from "../../../../base/errors.ts";
import type { ConfigFields } from "../config-fields.ts";
import { widthAt } from "../pieces/piece.ts";
import { MergeQueue } from "./merge-queue.ts";
import { type Merges, readMerges } from "./read-merges.ts";
import { readUnknown, readVocabulary } from "./read-vocabulary.ts";
import { SymbolChain } from "./symbol-chain.ts";
import type { TokenList } from "./token-list.ts";
import type { TokenModel } from "./token-model.ts";

/** Words of at least this length are rare and would fill the cache. */
const maxCachedLength = 256;
const maxCachedWords = 10_000;
/** A queue's keys hold a place in the word beside a rank. */
const maxWordLength = 2 ** 25;

/** Byte-pair encoding: joins neighbouring symbols, those that training joined first before others. */
export class Bpe implements TokenModel {
  readonly vocabulary: ReadonlyMap<string, number>;
  readonly unknownId: number | undefined;
  readonly subwordPrefix: string | undefined;
  readonly #merges: Merges;
  readonly #prefix: string;
  readonly #suffix: string;
  readonly #isUnknownFused: boolean;
  readonly #hasByteFallback: boolean;
  readonly #areMergesIgnored: boolean;
  /** By word: id, start and end of each token. */
  readonly #cache = new Map<string, Int32Array>();

  constructor(model: ConfigFields) {
    this.vocabulary = readVocabulary(model);
    this.unknownId = readUnknown(model, this.vocabulary);
    this.subwordPrefix = model.optionalText("continuing_subword_prefix") || undefined;
    this.#prefix = this.subwordPrefix ?? "";
    this.#suffix = model.optionalText("end_of_word_suffix") ?? "";
    this.#isUnknownFused = model.flag("fuse_unk", false);
    this.#hasByteFallback = model.flag("byte_fallback", false);
    this.#areMergesIgnored = model.flag("ignore_merges", false);
    if (model.has("dropout") && model.value("dropout") !== 0) {
      throw model.unknown("dropout", ["none, since answers would be random"]);
    }
    this.#merges = readMerges(model, this.vocabulary, this.#prefix.length);
  }

  tokenize(word: string, tokens: TokenList): void {
    if (this.#areMergesIgnored) {
      const id = this.vocabulary.get(word);
      if (id !== undefined) {
        tokens.add(id, 0, word.length);
        return;
      }
    }
    let found = this.#cache.get(word);
    if (found === undefined) {
      found = this.#merge(word);
      if (word.length < maxCachedLength) {
        if (this.#cache.size === maxCachedWords) this.#cache.clear();
        this.#cache.set(word, found);
      }
    }
    for (let at = 0; at < found.length; at += 3) {
      tokens.add(found[at] as number, found[at + 1] as number, found[at + 2] as number);
    }
  }

  #merge(word: string): Int32Array {
    if (word.length > maxWordLength) {
      throw new RuntimeError(
        "invalid-argument",
        `the text has a word of ${word.length} characters, expected at most ${maxWordLength}: send a shorter text`,
      );
    }
    const symbols = this.#symbolsOf(word);
    const queue = new MergeQueue(symbols.length);
    for (let at = 0; at + 1 < symbols.length; at++) this.#offer(queue, symbols, at);
    for (let top = queue.take(); top !== undefined; top = queue.take()) {
      const { rank, place } = top;
      // Older entries may be about symbols that have been joined with others meanwhile.
      const current = this.#rankAt(symbols, place);
      if (current === undefined || this.#joined(current) !== this.#joined(rank)) continue;
      symbols.join(place, this.#joined(rank));
      const previous = symbols.previousOf(place);
      if (previous !== -1) this.#offer(queue, symbols, previous);
      this.#offer(queue, symbols, place);
    }
    return symbols.rest();
  }

  #joined(rank: number): number {
    return this.#merges.joined[rank] as number;
  }

  #offer(queue: MergeQueue, symbols: SymbolChain, place: number): void {
    const rank = this.#rankAt(symbols, place);
    if (rank !== undefined) queue.add(rank, place);
  }

  /** The rank of joining the symbol at `place` with the next one. */
  #rankAt(symbols: SymbolChain, place: number): number | undefined {
    const next = symbols.nextOf(place);
    return next === -1 ? undefined : this.#merges.rankOf(symbols.idAt(place), symbols.idAt(next));
  }

  #symbolsOf(word: string): SymbolChain {
    const symbols = new SymbolChain(word.length);
    /** Where the unknown characters start that have no symbol yet; -1 if there are none. */
    let unknown = -1;
    for (let start = 0; start < word.length; ) {
      const end = start + widthAt(word, start);
      const isFused = unknown !== -1 && this.#isUnknownFused;
      const piece = this.#pieceAt(word, start, end);
      const id = this.vocabulary.get(piece);
      if (id !== undefined) {
        if (unknown !== -1) symbols.add(this.unknownId as number, unknown, start);
        unknown = -1;
        symbols.add(id, start, end);
      } else if (!this.#addBytes(symbols, piece, start, end) && this.unknownId !== undefined) {
        if (unknown !== -1 && !isFused) symbols.add(this.unknownId, unknown, start);
        if (!isFused) unknown = start;
      }
      start = end;
    }
    if (unknown !== -1) symbols.add(this.unknownId as number, unknown, word.length);
    return symbols;
  }

  #pieceAt(word: string, start: number, end: number): string {
    const character = word.slice(start, end);
    const prefixed = start === 0 ? character : this.#prefix + character;
    return end === word.length ? prefixed + this.#suffix : prefixed;
  }

  /** Adds a symbol for each byte; false if the vocabulary does not have them. */
  #addBytes(symbols: SymbolChain, piece: string, start: number, end: number): boolean {
    if (!this.#hasByteFallback) return false;
    const ids = idsOfBytes(piece, this.vocabulary);
    for (const id of ids ?? []) symbols.add(id, start, end);
    return ids !== undefined;
  }
}

/** The ids of "<0x00>" to "<0xFF>" for the bytes of a piece; undefined if the vocabulary does not have all of them. */
export function idsOfBytes(
  piece: string,
  vocabulary: ReadonlyMap<string, number>,
): number[] | undefined {
  const ids: number[] = [];
  for (const byte of Buffer.from(piece, "utf8")) {
    const id = vocabulary.get(`<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`);
    if (id === undefined) return undefined;
    ids.push(id);
  }
  return ids;
}

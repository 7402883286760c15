import type { ConfigFields } from "../config-fields.ts";
import { widthAt } from "../pieces/piece.ts";
import { readUnknown, readVocabulary } from "./read-vocabulary.ts";
import type { TokenList } from "./token-list.ts";
import type { TokenModel } from "./token-model.ts";

/** Takes the longest piece of the vocabulary, again and again. A word that cannot be made of pieces is unknown as a whole. */
export class WordPiece implements TokenModel {
  readonly vocabulary: ReadonlyMap<string, number>;
  readonly unknownId: number;
  readonly subwordPrefix: string;
  readonly #maxCharacters: number;
  /** Units of the longest piece. */
  readonly #maxUnits: number;

  constructor(model: ConfigFields) {
    this.vocabulary = readVocabulary(model);
    const unknownId = readUnknown(model, this.vocabulary);
    if (unknownId === undefined) throw model.malformed("unk_token", "a piece of the vocabulary");
    this.unknownId = unknownId;
    this.subwordPrefix = model.optionalText("continuing_subword_prefix") ?? "##";
    this.#maxCharacters = model.has("max_input_chars_per_word")
      ? model.count("max_input_chars_per_word")
      : 100;
    let maxUnits = 0;
    for (const piece of this.vocabulary.keys()) maxUnits = Math.max(maxUnits, piece.length);
    this.#maxUnits = maxUnits;
  }

  tokenize(word: string, tokens: TokenList): void {
    const found: number[] = [];
    if (isLonger(word, this.#maxCharacters) || !this.#find(word, found)) {
      tokens.add(this.unknownId, 0, word.length);
      return;
    }
    for (let at = 0; at < found.length; at += 3) {
      tokens.add(found[at] as number, found[at + 1] as number, found[at + 2] as number);
    }
  }

  /** Appends id, start and end of each piece; false if some part of the word is not in the vocabulary. */
  #find(word: string, found: number[]): boolean {
    for (let start = 0; start < word.length; ) {
      let end = Math.min(word.length, start + this.#maxUnits);
      let id: number | undefined;
      for (; end > start; end--) {
        const part = word.slice(start, end);
        id = this.vocabulary.get(start === 0 ? part : this.subwordPrefix + part);
        if (id !== undefined) break;
      }
      if (id === undefined) return false;
      found.push(id, start, end);
      start = end;
    }
    return true;
  }
}

/** Whether a word has more than `max` code points. */
function isLonger(word: string, max: number): boolean {
  if (word.length <= max) return false;
  let count = 0;
  for (let at = 0; at < word.length && count <= max; count++) at += widthAt(word, at);
  return count > max;
}

import { AddedTokenFinder } from "./added/added-token-finder.ts";
import type { AddedToken } from "./added/added-tokens.ts";
import { TokenList } from "./models/token-list.ts";
import type { TokenModel } from "./models/token-model.ts";
import type { Normalizer } from "./normalizers/normalizer.ts";
import { type Piece, wholePiece } from "./pieces/piece.ts";
import type { Splitter } from "./words/splitter.ts";

export interface TokenizerParts {
  readonly addedTokens: readonly AddedToken[];
  readonly normalize: Normalizer;
  readonly split: Splitter;
  readonly model: TokenModel;
}

/** The way of a text to its tokens, special ones aside: find added tokens, normalise what is between them, find those that are
 *  looked for in normalised text, split the rest into words, and make tokens of each. */
export class TextPipeline {
  readonly #parts: TokenizerParts;
  readonly #finder: AddedTokenFinder;
  readonly #normalizedFinder: AddedTokenFinder;

  constructor(parts: TokenizerParts) {
    this.#parts = parts;
    const { addedTokens, normalize } = parts;
    this.#finder = new AddedTokenFinder(
      addedTokens.filter(({ isNormalized }) => !isNormalized),
      ({ content }) => content,
    );
    this.#normalizedFinder = new AddedTokenFinder(
      addedTokens.filter(({ isNormalized }) => isNormalized),
      ({ content }) => normalize(wholePiece(content, false)).text,
    );
  }

  /** `isTraced`: whether offsets are kept. */
  run(text: string, isTraced: boolean): TokenList {
    const tokens = new TokenList(isTraced);
    // Half a surrogate pair has no UTF-8.
    for (const { piece, token } of this.#finder.split(wholePiece(text.toWellFormed(), isTraced))) {
      if (token === undefined) this.#addText(this.#parts.normalize(piece), tokens);
      else addToken(piece, token, tokens);
    }
    return tokens;
  }

  #addText(normalized: Piece, tokens: TokenList): void {
    const { split, model } = this.#parts;
    for (const { piece, token } of this.#normalizedFinder.split(normalized)) {
      if (token !== undefined) addToken(piece, token, tokens);
      else {
        split(piece, (word) => {
          tokens.beginWord(word);
          model.tokenize(word.text, tokens);
        });
      }
    }
  }
}

function addToken(piece: Piece, { id }: AddedToken, tokens: TokenList): void {
  tokens.beginWord(piece);
  tokens.addWhole(id);
}

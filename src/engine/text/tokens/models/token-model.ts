import type { TokenList } from "./token-list.ts";

/** The part of a tokenizer that has the vocabulary. */
export interface TokenModel {
  /** Adds the tokens of a word, which is not empty. */
  tokenize(word: string, tokens: TokenList): void;
  /** Without added tokens. */
  readonly vocabulary: ReadonlyMap<string, number>;
  /** The token for what the vocabulary does not have. */
  readonly unknownId: number | undefined;
  /** What pieces start with that do not start a word; undefined if they are not marked. */
  readonly subwordPrefix: string | undefined;
}

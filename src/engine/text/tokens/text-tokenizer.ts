/** A model's tokenizer. It answers as Hugging Face's Rust library does. Blocks in proportion to the length of a text. */
export interface TextTokenizer {
  /** The tokens of a text or of a pair of texts, or those that a client brings, special tokens included. What is wrong with them
   *  is returned, not thrown. Half surrogate pairs become U+FFFD. */
  encode(item: EncodeItem, options: EncodeOptions): Encoded | TokenFault;
  /** The same tokens of one text, with their places. Nothing is cut unless `truncate` says so. */
  offsets(text: string, options: OffsetOptions): readonly TokenPlace[];
  /** The highest id that it can give, and 1: what a model's embedding table must have at least. */
  readonly vocabularySize: number;
  /** The id that fills shorter rows of a batch. */
  readonly padId: number;
  /** The id of what the vocabulary does not have, if there is one. */
  readonly unknownId: number | undefined;
  /** What pieces start with that do not start a word, such as "##"; undefined if they are not marked. */
  readonly subwordPrefix: string | undefined;
}

export interface EncodeItem {
  readonly text?: string;
  /** The second text of a pair. It may be empty, and is a second text then. */
  readonly pair?: string;
  /** In place of texts. */
  readonly ids?: Int32Array;
}

export interface EncodeOptions {
  /** What to do with more tokens than the model takes: a fault, or a cut. A number is a lower limit, special tokens included. */
  readonly truncate: "error" | "model" | number;
  readonly addSpecial: boolean;
  /** The side that is cut. Default: as the model's folder says. */
  readonly side?: "left" | "right";
}

export interface OffsetOptions extends Omit<EncodeOptions, "truncate"> {
  readonly truncate?: "model" | number;
}

export interface Encoded {
  readonly ids: Int32Array;
  /** As many; all 0 for families without token types. */
  readonly types: Int32Array;
  /** Before it was cut. */
  readonly totalTokens: number;
}

export interface TokenFault {
  readonly fault: {
    /** "bad-id": a client's id is not in the vocabulary. "empty": there is no token at all. */
    readonly kind: "too-long" | "bad-id" | "empty";
    readonly tokens: number;
    /** "too-long": of tokens. "bad-id": ids must be lower. */
    readonly limit: number;
    /** "bad-id": the first such id. */
    readonly id?: number;
  };
}

export interface TokenPlace {
  readonly id: number;
  /** As the vocabulary spells it. */
  readonly piece: string;
  /** In code points of the text as sent; both 0 for special tokens. */
  readonly start: number;
  readonly end: number;
  /** Whether the tokenizer added it. One that the text spells out, such as "[SEP]", is not. */
  readonly isSpecial: boolean;
  /** The index of its word; -1 for special tokens. */
  readonly word: number;
}

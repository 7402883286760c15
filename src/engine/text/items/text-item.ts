/** What becomes of a text that has more tokens than it may have. "error": a fault in its report. "model": it is cut
 *  to what the model takes. A number: to this many tokens, or to what the model takes if that is less. Special
 *  tokens count. */
export type TruncateTo = "error" | "model" | number;

/** What a row's report holds beside the number of tokens. "ids": the tokens. "offsets": also their pieces and where
 *  they are in the text. "entities": of a model for token classification, what it found. */
export type ReportWish = "tokens" | "ids" | "offsets" | "entities";

/** One row of a run: what a model reads as one sequence. */
export interface TextItem {
  /** Either this or `ids`. Lone surrogates become U+FFFD. */
  readonly text?: string | undefined;
  /** Tokens, as a client counted them. */
  readonly ids?: Int32Array | undefined;
  /** What is read after the text, as a second part; never with `ids`. It may be "". */
  readonly pair?: string | undefined;
  /** What is read before the text, as if the text began with it; never with `ids`. */
  readonly prompt?: string | undefined;
  /** Whether the model's special tokens, such as [CLS] and [SEP], are put around it. */
  readonly addSpecial: boolean;
  readonly truncate: TruncateTo;
  /** Which end is cut. Default: what the tokenizer says. */
  readonly truncateSide?: "left" | "right" | undefined;
  /** Default: "tokens". */
  readonly want?: ReportWish | undefined;
}

import { RuntimeError } from "../../base/errors.ts";

/** A text has more tokens than it may have. */
export class TextTooLongError extends RuntimeError {
  /** Of the text, or of the document of a pair, in the call. */
  readonly index: number;
  /** Special tokens and those of a prompt included. */
  readonly tokens: number;
  readonly limit: number;

  /** `what` names the text. */
  constructor(
    what: string,
    { index, tokens, limit }: Pick<TextTooLongError, "index" | "tokens" | "limit">,
  ) {
    super(
      "invalid-argument",
      `${what} has ${tokens} tokens, the model takes ${limit}: shorten it, or ask for truncation`,
    );
    this.index = index;
    this.tokens = tokens;
    this.limit = limit;
  }
}

import type { Truncate } from "../../service/contract/text.ts";

/** What Caikit's `truncate_input_tokens` asks for: a negative number leaves the limit to the model, a positive one is
 *  the limit, and 0 or more than the model takes (`maxTokens`) forbids to cut anything. */
export function truncationOf(tokens: number | bigint | undefined, maxTokens: number): Truncate {
  const limit = Number(tokens ?? 0);
  if (limit < 0) return "model";
  return limit === 0 || limit > maxTokens ? "error" : limit;
}

import { RuntimeError } from "../../base/errors.ts";
import { TextTooLongError } from "../../service/contract/text-too-long-error.ts";

/** Words the refusal of a text that is too long as Caikit does, which is what its clients look for. `what` names the
 *  text, `hint` the remedy. Everything else is thrown as it is. */
export function rewordTooLong(
  reason: unknown,
  { what, hint }: { readonly what: string; readonly hint: string },
): never {
  if (!(reason instanceof TextTooLongError)) throw reason;
  const { index, tokens, limit } = reason;
  throw new RuntimeError(
    "invalid-argument",
    `Token sequence length (${tokens} with start/end tokens) exceeds the maximum sequence length for this model ` +
      `(${limit}) for ${what} at index: ${index}. Remedy: ${hint}`,
    { cause: reason },
  );
}

import { RuntimeError } from "../../base/errors.ts";
import type { RowFault } from "../../engine/text/items/text-report.ts";
import { TextTooLongError } from "../contract/text-too-long-error.ts";

/** Names a row of a call in messages. */
export type RowName = (index: number) => string;

/** Why the model could not take a row, in the terms of its caller. */
export function faultOf(
  { fault: { kind, tokens, limit, id } }: RowFault,
  {
    index,
    nameOf,
    label,
  }: { readonly index: number; readonly nameOf: RowName; readonly label: string },
): RuntimeError {
  const what = nameOf(index);
  if (kind === "too-long") return new TextTooLongError(what, { index, tokens, limit });
  if (kind === "bad-id") {
    return invalid(
      `${what} has the token ${id}, expected tokens from 0 to ${limit - 1}: send those of the model's own ` +
        "tokenizer, or the text itself",
    );
  }
  if (kind === "empty") return invalid(`${what} is empty`);
  if (kind === "not-finite") return notANumber(what, label);
  return new RuntimeError("run-failed", `${what} did not reach the model as it was sent`);
}

export function notANumber(what: string, label: string): RuntimeError {
  return new RuntimeError(
    "run-failed",
    `model '${label}' gave no number for ${what}: its weights or the text may overflow`,
  );
}

export function invalid(message: string): RuntimeError {
  return new RuntimeError("invalid-argument", message);
}

import type { TextFacts, TextTask } from "../../engine/contract/text-facts.ts";
import type { TextInput } from "../contract/text.ts";
import { invalid, type RowName } from "./text-errors.ts";

/** Texts of one call. More would hold a call's memory for long, and others can be sent meanwhile. */
const mostTexts = 8_192;
/** Bytes of one text: a tokenizer takes up to a second for them, and other models of its host wait. */
const mostTextBytes = 1024 * 1024;

/** Throws "invalid-argument" if there is no text, or there are too many. `what` names them, such as "documents". */
export function refuseCount(count: number, what: string): void {
  if (count === 0) throw invalid(`there are no ${what}, expected at least one`);
  if (count > mostTexts) {
    throw invalid(
      `there are ${count} ${what}, expected at most ${mostTexts}: send several requests`,
    );
  }
}

/** Throws "invalid-argument" if a text is empty, too long to look at, or no Unicode. */
export function refuseOddText(
  text: TextInput,
  index: number,
  { nameOf, mayBeEmpty = false }: { readonly nameOf: RowName; readonly mayBeEmpty?: boolean },
): void {
  if (typeof text !== "string") {
    if (text.length === 0) throw invalid(`${nameOf(index)} has no tokens, expected at least one`);
    return;
  }
  if (text === "" && !mayBeEmpty) throw invalid(`${nameOf(index)} is empty, expected a text`);
  // A letter has up to three bytes, which are only counted where they could be too many.
  const sizeBytes = text.length * 3 > mostTextBytes ? Buffer.byteLength(text) : 0;
  if (sizeBytes > mostTextBytes) {
    throw invalid(
      `${nameOf(index)} has ${sizeBytes} bytes, expected at most ${mostTextBytes}: send it in parts`,
    );
  }
  if (!text.isWellFormed()) {
    throw invalid(`${nameOf(index)} has half of a surrogate pair, which is not text`);
  }
}

const doings: Readonly<Record<TextTask, string>> = {
  embedding: "gives embeddings",
  rerank: "ranks documents by a query",
  classification: "classifies texts",
  "token-classification": "classifies the tokens of a text",
};

/** Throws "invalid-argument" unless the model is for one of these tasks. */
export function refuseOtherTask(
  { facts, label }: { readonly facts: TextFacts; readonly label: string },
  ...wanted: readonly TextTask[]
): void {
  if (wanted.includes(facts.task)) return;
  const asked = wanted.map((task) => doings[task]).join(", or ");
  throw invalid(`model '${label}' ${doings[facts.task]}, and this call is for one that ${asked}`);
}

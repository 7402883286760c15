import { type StringEscape, StringSurvey } from "../types/string-escape.ts";
import { graphFields } from "./field-numbers.ts";
import { readNode } from "./graph-node.ts";
import type { GraphOutline } from "./graph-outline.ts";
import type { ModelReader } from "./model-reader.ts";
import { NodeChanges } from "./node-changes.ts";
import { ServingRefusal } from "./serving-refusal.ts";

/** Operators that do more with a text than compare it for equality. */
const readers = new Set([
  "RegexFullMatch",
  "StringNormalizer",
  "StringSplit",
  "Tokenizer",
  "Unique",
]);

const datatypeOfTexts = 8;

/** How to write the model's texts so that bytes that are not UTF-8 pass the binding. Undefined if there are
 *  none, or if no output holds texts. Throws RuntimeError "invalid-argument" if there are such texts together
 *  with an operator that looks into texts. */
export function findEscape(reader: ModelReader, outline: GraphOutline): StringEscape | undefined {
  const givesTexts = outline.outputs.some(
    ({ type }) => type.tag === "tensor" && type.datatype === datatypeOfTexts,
  );
  if (!givesTexts) return undefined;
  const survey = new StringSurvey();
  const walk = new NodeChanges(reader, {
    text: (text) => {
      survey.see(text);
      return undefined;
    },
  });
  for (const field of outline.around) walk.inFunction(field);
  for (const field of reader.fields(outline.graph.start, outline.graph.end)) walk.inGraph(field);
  const escaping = survey.escape();
  if (escaping === undefined) return undefined;
  for (const field of reader.fields(outline.graph.start, outline.graph.end)) {
    if (field.number !== graphFields.node) continue;
    const { op } = readNode(reader, field);
    if (!readers.has(op)) continue;
    throw new ServingRefusal(
      "invalid-argument",
      `the model has texts that are not UTF-8 beside ${op}, which would read them differently here; ` +
        "export its texts as UTF-8",
    );
  }
  return escaping;
}

import type { RedactionRule } from "../../../config/payload-log/redaction-rules.ts";
import { walkJson } from "./json-walk.ts";
import { PathMatch } from "./path-match.ts";
import { namesOfTensors, TensorRules } from "./tensor-rules.ts";

const hidden = '"[REDACTED]"';

/** `text`, which may be the start of a text, with what the rules name hidden. In doubt it is hidden: a tensor whose name
 *  is not there, rows of a model whose inputs are not named. Throws NotJson, and then nothing of it may be shown. */
export function redactJson(text: string, rules: readonly RedactionRule[]): string {
  const pathRules = rules.flatMap((rule) => (rule.kind === "path" ? [rule.steps] : []));
  const parameters = namesOf(rules, "parameter");
  const tensors = new TensorRules({
    inputs: namesOf(rules, "input"),
    outputs: namesOf(rules, "output"),
    names: namesOfTensors(text),
  });
  const keys: (string | number)[] = [];
  const matches: PathMatch[] = [];
  const pieces: string[] = [];
  /** Up to here, the text is in `pieces`. */
  let copied = 0;
  let isHiding = false;
  walkJson(text, {
    enter(key, start, isContainer) {
      const above = matches.at(-1);
      const match = above === undefined ? new PathMatch(pathRules) : above.below(key ?? 0);
      if (key !== undefined) keys.push(key);
      matches.push(match);
      const isParameter = keys.at(-2) === "parameters" && parameters.has(String(key));
      const isHidden = match.isWhole || isParameter || tensors.hides(keys, isContainer);
      if (!isHidden) return false;
      pieces.push(text.slice(copied, start), hidden);
      // If the value does not end, neither does what is hidden.
      copied = text.length;
      isHiding = true;
      return true;
    },
    leave(end) {
      if (isHiding) copied = end;
      isHiding = false;
      matches.pop();
      keys.pop();
    },
  });
  return pieces.join("") + text.slice(copied);
}

function namesOf(rules: readonly RedactionRule[], kind: "input" | "output" | "parameter") {
  return new Set(rules.flatMap((rule) => (rule.kind === kind ? [rule.name] : [])));
}

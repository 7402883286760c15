import type { ReportedEntity } from "../items/text-report.ts";
import type { TokenPlace } from "./text-tokenizer.ts";

export interface TokenLabels {
  readonly text: string;
  /** All tokens that were run. */
  readonly tokens: readonly TokenPlace[];
  /** For each token, one number for each label. */
  readonly logits: Float32Array;
  readonly labels: readonly string[];
}

/** What a model for token classification has found: each token of another class than "O". */
export function groupEntities({ text, tokens, logits, labels }: TokenLabels): ReportedEntity[] {
  const points = [...text];
  const found: ReportedEntity[] = [];
  for (const [at, { start, end, isSpecial }] of tokens.entries()) {
    if (isSpecial) continue;
    const own = logits.subarray(at * labels.length, (at + 1) * labels.length);
    const { best, score } = likeliest(own);
    const entity = labels[best] ?? `${best}`;
    if (entity === "O") continue;
    found.push({ start, end, word: points.slice(start, end).join(""), entity, score });
  }
  return found;
}

function likeliest(logits: Float32Array): { readonly best: number; readonly score: number } {
  const most = Math.max(...logits);
  let sum = 0;
  for (const value of logits) sum += Math.exp(value - most);
  return { best: logits.indexOf(most), score: 1 / sum };
}

import type { TextToken } from "../../service/contract/text.ts";

/** The classes of one text, the best first. */
export function classesJson(labels: readonly string[], scores: Float64Array): string {
  const classes = Array.from(scores, (score, at) => ({ score, label: labels[at] ?? "" }));
  return JSON.stringify(classes.sort((a, b) => b.score - a.score));
}

/** The tokens of one text. What a token stands for is shown as it is in the text; places count code points. */
export function tokensJson(tokens: readonly TextToken[], text: string): string {
  const letters = Array.from(text);
  return JSON.stringify(
    tokens.map(({ id, piece, start, end, isSpecial: special }) => {
      if (special) return { id, text: piece, special, start: null, stop: null };
      const shown = letters.slice(start, end).join("");
      return { id, text: shown, special, start, stop: end };
    }),
  );
}

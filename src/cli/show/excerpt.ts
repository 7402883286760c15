const shownLetters = 40;

/** The start of a text, in one line, for a column of a table. */
export function excerpt(text: string): string {
  const line = text.replace(/\s+/g, " ").trim();
  const letters = Array.from(line.slice(0, 2 * shownLetters + 2));
  if (letters.length <= shownLetters && line.length <= 2 * shownLetters) return line;
  return `${letters.slice(0, shownLetters - 1).join("")}…`;
}

const begin = "<!-- bench: begin -->";
const end = "<!-- bench: end -->";

/** The document with `section` between its markers. Throws unless it has both, in order. */
export function replaceSection(document: string, section: string): string {
  const from = document.indexOf(begin);
  const to = document.indexOf(end);
  if (from === -1 || to < from) throw new Error(`the document needs ${begin} and ${end}`);
  return `${document.slice(0, from + begin.length)}\n\n${section.trim()}\n\n${document.slice(to)}`;
}

/** `page` with each of `parts` made anew between the two comments that mark its place. Throws if there are
 *  none for one. */
export function fillParts(page: string, parts: Readonly<Record<string, () => string>>): string {
  let made = page;
  for (const [name, generate] of Object.entries(parts)) {
    const [start, end] = marks(name);
    const [from, to] = [made.indexOf(start), made.indexOf(end)];
    if (from < 0 || to < from) throw new Error(`the page has no place for: ${name}`);
    made = `${made.slice(0, from + start.length)}\n\n${generate()}\n${made.slice(to)}`;
  }
  return made;
}

/** An empty place for the part `name` in a new page. */
export function placeFor(name: string): string {
  const [start, end] = marks(name);
  return `${start}\n${end}\n`;
}

function marks(name: string): readonly [string, string] {
  return [`<!-- ${name}: made by \`npm run generate:docs\` -->`, `<!-- end of: ${name} -->`];
}

export function markdownTable(
  head: readonly string[],
  body: readonly (readonly string[])[],
): string {
  const rows = [head, ...body].map((row) => row.map((cell) => cell.replaceAll("|", "\\|")));
  const widths = head.map((_, at) => Math.max(3, ...rows.map((row) => row[at]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(" | ")} |\n`;
  const [first = [], ...others] = rows;
  const dashes = widths.map((width) => "-".repeat(width));
  return [line(first), line(dashes), ...others.map(line)].join("");
}

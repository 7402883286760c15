import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { projectRoot } from "../support/servers/served.ts";

const path = join(projectRoot, "docs/compatibility.md");
const begin = "<!-- zoo: begin -->";
const end = "<!-- zoo: end -->";

/** Puts the tables between the marks of docs/compatibility.md. */
export async function writeZooPage(tables: string): Promise<void> {
  const page = await readFile(path, "utf8");
  const [before, rest] = page.split(begin);
  const after = rest?.split(end)[1];
  if (before === undefined || after === undefined) {
    throw new Error(`docs/compatibility.md needs ${begin} and ${end}`);
  }
  await writeFile(path, `${before}${begin}\n\n${tables}\n\n${end}${after}`);
}

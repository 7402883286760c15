import { globSync } from "node:fs";
import { basename } from "node:path";

/** Each format's translator has its own files for the same roles. */
const mayRepeat = "src/engine/translator/";
/** The entry of a thread, a process or a page. */
const entries = new Set(["main.ts", "index.ts"]);

/** One line for each name that two files of src/ have, so that a name alone says which file is meant. */
export function checkFileNames(root: string): string[] {
  const files = globSync("src/**/*.{ts,tsx,js}", { cwd: root })
    .map((file) => file.replaceAll("\\", "/"))
    .filter((file) => !file.startsWith(mayRepeat) && !entries.has(basename(file)))
    .sort();
  const byName = Map.groupBy(files, (file) => basename(file));
  return [...byName]
    .filter(([, sameName]) => sameName.length > 1)
    .map(([name, sameName]) => `${name} is the name of ${sameName.join(" and ")}`);
}

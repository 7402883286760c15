import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";

const CAP_LINES = 400;

/** One line for each hand-written source file that is longer than the cap. */
export function checkFileLength(root: string): string[] {
  return globSync("src/**/*.{ts,tsx,js,cjs,css,html}", { cwd: root }).flatMap((file) => {
    const lines = readFileSync(join(root, file), "utf8").replace(/\n$/, "").split("\n").length;
    return lines > CAP_LINES
      ? [`${file} has ${lines} lines, at most ${CAP_LINES} are allowed`]
      : [];
  });
}

import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";

const CAP_LINES = 400;

/** One line for each hand-written source file that is longer than the cap; tests and scripts are sources too. */
export function checkFileLength(root: string): string[] {
  const files = globSync(
    "{src,test,bench,scripts,deploy,examples}/**/*.{ts,tsx,js,cjs,css,html,py,sh}",
    {
      cwd: root,
      exclude: (path) => /(^|\/)(node_modules|gen)$/.test(path),
    },
  );
  return files.flatMap((file) => {
    const lines = readFileSync(join(root, file), "utf8").replace(/\n$/, "").split("\n").length;
    return lines > CAP_LINES
      ? [`${file} has ${lines} lines, at most ${CAP_LINES} are allowed`]
      : [];
  });
}

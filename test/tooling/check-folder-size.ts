import { globSync } from "node:fs";
import { dirname } from "node:path";

const CAP_FILES = 24;

/** One line for each folder of src/ with more sources than the cap: such a room has several subjects. */
export function checkFolderSize(root: string): string[] {
  const files = globSync("src/**/*.{ts,tsx,js,cjs,css,html}", { cwd: root }).map((file) =>
    file.replaceAll("\\", "/"),
  );
  return [...Map.groupBy(files, (file) => dirname(file))]
    .filter(([, inFolder]) => inFolder.length > CAP_FILES)
    .map(
      ([folder, { length }]) => `${folder} has ${length} files, at most ${CAP_FILES} are allowed`,
    );
}

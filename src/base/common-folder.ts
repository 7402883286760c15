import { dirname, sep } from "node:path";

/** The deepest folder that contains all of these files, which are absolute paths. */
export function commonFolder(files: readonly string[]): string {
  const [first = sep, ...others] = files;
  let folder = dirname(first);
  const holds = (file: string) => folder === sep || file.startsWith(`${folder}${sep}`);
  while (!others.every(holds)) folder = dirname(folder);
  return folder;
}

import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

/** Makes a directory in `parent` with empty files, and directories where the name ends in a slash. Resolves to it. */
export async function emptyFiles(names: readonly string[], parent: string): Promise<string> {
  const directory = await mkdtemp(join(parent, "tree-"));
  for (const name of names) {
    const path = join(directory, name);
    await mkdir(name.endsWith("/") ? path : dirname(path), { recursive: true });
    if (!name.endsWith("/")) await writeFile(path, "");
  }
  return directory;
}

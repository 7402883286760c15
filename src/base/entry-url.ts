import { extname, posix } from "node:path";

/** The location of a child process's or thread's entry file. `from`: `import.meta.url` of the file that starts
 *  it. `path`: from that file to the entry in the sources, without extension. The bundle has all entries in one
 *  folder, under their own names. */
export function entryUrl(from: string, path: string): URL {
  const extension = extname(from);
  return new URL(`${extension === ".ts" ? path : `./${posix.basename(path)}`}${extension}`, from);
}

import type { Stats } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { fromFileError } from "../../base/file-errors.ts";
import { type FolderListing, isForeignName } from "../../models/model-search.ts";

/** The entries of `folder`, by name. Links are followed; broken links and unreachable entries are left out.
 *  Throws RuntimeError if the folder cannot be read. */
export async function listFolder(folder: string): Promise<FolderListing> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    throw fromFileError(error, folder);
  });
  const files: string[] = [];
  const folders: string[] = [];
  const looks = entries.map(async (entry) => {
    if (isForeignName(entry.name)) return;
    const kind = entry.isSymbolicLink() ? await tryStat(join(folder, entry.name)) : entry;
    if (kind?.isFile()) files.push(entry.name);
    else if (kind?.isDirectory()) folders.push(entry.name);
  });
  await Promise.all(looks);
  return { files: files.sort(), folders: folders.sort() };
}

/** The type of the link's target, if it is a link. Undefined if there is none, or access is denied. */
export async function tryStat(path: string): Promise<Stats | undefined> {
  return await stat(path).catch(() => undefined);
}

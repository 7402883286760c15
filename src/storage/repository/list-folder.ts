import type { Stats } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { fromFileError } from "../../base/files/file-errors.ts";
import { openRegularFile } from "../../base/files/regular-file.ts";
import { largeMlflow, maxMlflowBytes, mlflowFileName, readMlflow } from "../../models/mlflow.ts";
import {
  type FolderListing,
  headBytes,
  isForeignName,
  type ModelNames,
} from "../../models/names.ts";
import type { SearchStep } from "../../models/search.ts";

/** What `searchModel` asks for. Rejects like `listFolder`. */
export async function readStep(
  { folder, files }: SearchStep,
  models: ModelNames,
): Promise<FolderListing> {
  if (files === undefined) return await withMlflow(folder, await listFolder(folder));
  const isModel = await Promise.all(files.map((name) => holdsModel(join(folder, name), models)));
  return { files: files.filter((_, at) => isModel[at]), folders: [] };
}

/** Adds what the MLmodel file of a folder says, if it has one. */
async function withMlflow(folder: string, listing: FolderListing): Promise<FolderListing> {
  if (!listing.files.includes(mlflowFileName)) return listing;
  const path = join(folder, mlflowFileName);
  try {
    const file = await openRegularFile(path);
    try {
      const { size } = await file.stat();
      if (size > maxMlflowBytes) return { ...listing, mlflow: largeMlflow };
      return { ...listing, mlflow: readMlflow(await file.readFile("utf8")) };
    } finally {
      await file.close();
    }
  } catch (error) {
    throw fromFileError(error, path);
  }
}

/** Whether the file is a model by its content. False if it cannot be read. */
export async function holdsModel(path: string, { recognises }: ModelNames): Promise<boolean> {
  if (recognises === undefined) return false;
  try {
    const file = await openRegularFile(path);
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(headBytes), 0, headBytes, 0);
      return recognises(buffer.subarray(0, bytesRead));
    } finally {
      await file.close();
    }
  } catch {
    return false;
  }
}

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

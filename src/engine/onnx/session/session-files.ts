import { dirname, relative, sep } from "node:path";
import type { FileAccess } from "../../contract/file-access.ts";
import { dataPath } from "../external/data-path.ts";
import { descriptorFolder, type HeldFiles } from "../external/held-files.ts";
import { renameData } from "../rewrite/rename-data.ts";

/** By which names ONNX Runtime opens a model. */
export interface SessionFiles {
  /** The model in place of its file. */
  readonly bytes: Uint8Array | undefined;
  /** Below which it opens data files. */
  readonly folder: string;
}

/** What a model is loaded from. */
export interface ModelContent {
  /** Of the model, without links. */
  readonly file: string;
  /** The name by which it is held. */
  readonly heldFile: string;
  /** What is loaded in place of the file, if anything. */
  readonly bytes: Uint8Array | undefined;
}

/** Holds the data files of a model, and names them in it such that ONNX Runtime opens the very files that are held.
 *  It looks itself whether a data file lies below the folder it is given, links followed, and then opens the file by
 *  name: below "/" all of them lie, and the name of a descriptor can be made no link. Throws as `HeldFiles.hold`, and
 *  "load-failed" if the model is another one than was looked at. */
export function sessionFiles(
  held: HeldFiles,
  { file, heldFile, bytes }: ModelContent,
  { hasDataFiles, dataFiles }: FileAccess,
): SessionFiles {
  // A model that names data files all the same finds none: they would be opened without a look at where they lie.
  const nowhere = held.hasNames ? descriptorFolder : dirname(file);
  if (!hasDataFiles) return { bytes, folder: nowhere };
  const folder = folderOf(held, file, dataFiles);
  const renamed = renameData(bytes ?? heldFile, (location) => {
    return relative(folder, held.hold(dataPath(location, file, dataFiles)));
  });
  return renamed ? { bytes: renamed, folder } : { bytes, folder: nowhere };
}

function folderOf(held: HeldFiles, file: string, dataFiles: FileAccess["dataFiles"]): string {
  if (held.hasNames) return sep;
  return dataFiles === undefined ? dirname(file) : commonFolder(Object.values(dataFiles));
}

/** The deepest folder that has all of the files in it or below. */
function commonFolder(files: readonly string[]): string {
  const [first = sep, ...others] = files;
  let folder = dirname(first);
  const holds = (file: string) => folder === sep || file.startsWith(`${folder}${sep}`);
  while (!others.every(holds)) folder = dirname(folder);
  return folder;
}

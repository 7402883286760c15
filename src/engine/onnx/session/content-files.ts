import { dirname, relative, sep } from "node:path";
import { commonFolder } from "../../../base/common-folder.ts";
import type { FileAccess } from "../../contract/file-access.ts";
import { dataPath } from "../external/data-path.ts";
import { descriptorFolder, type HeldFiles } from "../external/held-files.ts";
import { renameData } from "../rewrite/rename-data.ts";

/** The names by which ONNX Runtime opens a model. */
export interface SessionFiles {
  /** The model's bytes, in place of its file. */
  readonly bytes: Uint8Array | undefined;
  /** The folder below which it opens data files. */
  readonly folder: string;
}

/** What a model is loaded from. */
export interface ModelContent {
  /** The model's path, without links. */
  readonly file: string;
  /** The name by which it is held open. */
  readonly heldFile: string;
  /** Bytes that are loaded in place of the file, if any. */
  readonly bytes: Uint8Array | undefined;
}

/** Holds a model's data files open and renames them in the model, so that ONNX Runtime opens exactly the
 *  files that are held. ONNX Runtime checks that a data file is below the folder it is given, links followed,
 *  and then opens the file by name: all files are below "/", and a descriptor's name cannot be turned into a
 *  link. Throws as `HeldFiles.hold`, and "load-failed" if the model has changed since it was inspected. */
export function sessionFiles(
  held: HeldFiles,
  { file, heldFile, bytes }: ModelContent,
  { hasDataFiles, dataFiles }: FileAccess,
): SessionFiles {
  // A model that names data files anyway finds none: they would be opened without a check of where they are.
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

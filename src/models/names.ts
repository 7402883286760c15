import { extname } from "node:path";
import { settingsFileName } from "../config/run-settings.ts";
import type { MlflowModel } from "./mlflow.ts";

/** The contents of a folder. Links count as their targets; broken links are left out. */
export interface FolderListing {
  readonly files: readonly string[];
  readonly folders: readonly string[];
  /** What its MLmodel file says, if it has one and the reader looks for it. */
  readonly mlflow?: MlflowModel;
}

/** Which files are models of one kind. */
export interface ModelNames {
  /** What such a model is, for messages. Default: a file with one of the extensions. */
  readonly what?: string;
  /** Extensions, with their dots, of files that are models whatever they are called. */
  readonly extensions: readonly string[];
  /** Names that such models usually have, beside "model" with one of the extensions. */
  readonly usual?: readonly string[];
  /** Extensions, with their dots, of files that are models if their content says so. */
  readonly doubtful?: readonly string[];
  /** Whether a file that begins with `head` is a model of this kind. `head`: `headBytes` bytes, or the whole
   *  file if it is smaller. Absent: no content says so. */
  readonly recognises?: (head: Uint8Array) => boolean;
  /** Whether a folder with these entries is a model itself. Absent: models are files. */
  readonly isFolder?: (listing: FolderListing) => boolean;
  /** Whether there is no model of this kind below a folder with these entries. Absent: there may be. */
  readonly isEnd?: (listing: FolderListing) => boolean;
}

/** How much of a file tells what it is. */
export const headBytes = 64 * 1024;

const schemaFile = "_schema.json";

/** What file systems, network disks and their tools put into every folder. */
const foreignNames: ReadonlySet<string> = new Set([
  "lost+found",
  "@eaDir",
  "@Recycle",
  "@Recently-Snapshot",
  "#recycle",
  "#snapshot",
  "$RECYCLE.BIN",
  "System Volume Information",
  "__MACOSX",
]);

/** Whether a file or folder of this name never belongs to a model. */
export function isForeignName(name: string): boolean {
  return name.startsWith(".") || foreignNames.has(name);
}

/** Whether a file of this name is a model, whatever is in it. */
export function isModelFileName(name: string, { extensions }: ModelNames): boolean {
  return !isBesideModels(name) && extensions.includes(extname(name));
}

/** Whether the content of a file of this name decides whether it is a model. */
export function isDoubtfulName(name: string, models: ModelNames): boolean {
  return models.doubtful?.includes(extname(name)) === true && !isBesideModels(name);
}

/** The names that a model has in its folder if there are others, the most usual first. */
export function usualNames({ extensions, usual = [] }: ModelNames): string[] {
  return [...new Set([...usual, ...extensions.map((extension) => `model${extension}`)])];
}

function isBesideModels(name: string): boolean {
  return name === schemaFile || name.endsWith(settingsFileName) || isForeignName(name);
}

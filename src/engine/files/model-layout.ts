import { closeSync, type Dirent, opendirSync, readFileSync, type Stats, statSync } from "node:fs";
import { join } from "node:path";
import { RuntimeError } from "../../base/errors.ts";
import { fromFileError } from "../../base/files/file-errors.ts";
import { nameOfType, openRegularFileSync } from "../../base/files/regular-file.ts";
import { largeMlflow, maxMlflowBytes, mlflowFileName, readMlflow } from "../../models/mlflow.ts";
import { type FolderListing, isForeignName, type ModelNames } from "../../models/names.ts";
import { type SearchResult, type SearchStep, searchModel } from "../../models/search.ts";
import { fileKindOf } from "./file-kind.ts";
import { sampleFile } from "./file-sample.ts";
import { recognisedKind } from "./recognised-kind.ts";

/** Exporters write one file per tensor for big models, thousands of them; a directory with more entries is
 *  something else. */
const maxEntries = 100_000;
/** Files that are examined where no model is found. */
const maxSampled = 10;

/** Finds the model file at `path`, which is a file of any name or a directory, searched as `searchModel`
 *  describes for the first of `kinds` of which there is a model. Of a kind whose models are folders it returns that
 *  folder. Throws RuntimeError "invalid-argument" (no model file, or several), "failed-precondition"
 *  (nothing there, not readable) or "temporarily-unavailable". Blocks. */
export function findModelFile(path: string, kinds: readonly ModelNames[]): string {
  const found = statPath(path);
  if (found.isFile()) return path;
  if (!found.isDirectory()) {
    throw new RuntimeError(
      "invalid-argument",
      `${path} is ${nameOfType(found)}, expected a file or a directory`,
    );
  }
  const listed: Listed = new Map();
  let refusal: RuntimeError | undefined;
  for (const kind of kinds) {
    const result = searchFor(kind, path, listed);
    if (result.tag === "found") return result.file;
    if (result.tag === "doubt") throw result.why;
    // The first kind of files is the likeliest, so its reason is reported.
    if (kind.isFolder === undefined || kinds.length === 1) refusal ??= result.why;
  }
  if (refusal === undefined) throw new Error("expected kinds of models");
  throw new RuntimeError(refusal.kind, `${refusal.message}${hintOf(path)}`);
}

/** Folders that were read for an earlier kind. */
type Listed = Map<string, FolderListing>;

function searchFor(kind: ModelNames, path: string, listed: Listed): SearchResult {
  const search = searchModel(path, kind);
  let step = search.next();
  while (!step.done) {
    const { folder, files } = step.value;
    const known = files === undefined ? listed.get(folder) : undefined;
    const listing = known ?? tryRead(step.value, kind);
    if (files === undefined && "files" in listing) listed.set(folder, listing);
    step = "error" in listing ? search.throw(listing.error) : search.next(listing);
  }
  return step.value;
}

function tryRead(
  { folder, files }: SearchStep,
  { recognises = () => false }: ModelNames,
): FolderListing | { readonly error: unknown } {
  try {
    if (files === undefined) return withMlflow(folder, list(folder));
    const isModel = (name: string) => {
      const sample = sampleFile(join(folder, name));
      return sample !== undefined && recognises(sample.head);
    };
    return { files: files.filter(isModel), folders: [] };
  } catch (error) {
    return { error };
  }
}

/** Adds what the MLmodel file of a folder says, if it has one. */
function withMlflow(folder: string, listing: FolderListing): FolderListing {
  if (!listing.files.includes(mlflowFileName)) return listing;
  const path = join(folder, mlflowFileName);
  try {
    const { descriptor, sizeBytes } = openRegularFileSync(path);
    try {
      if (sizeBytes > maxMlflowBytes) return { ...listing, mlflow: largeMlflow };
      return { ...listing, mlflow: readMlflow(readFileSync(descriptor, "utf8")) };
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    throw fromFileError(error, path);
  }
}

function list(directory: string): FolderListing {
  const files: string[] = [];
  const folders: string[] = [];
  try {
    for (const entry of entriesOf(directory)) {
      if (isForeignName(entry.name)) continue;
      // A link counts as its target; a dangling link is not a model.
      const kind = entry.isSymbolicLink() ? followLink(join(directory, entry.name)) : entry;
      if (kind?.isFile()) files.push(entry.name);
      else if (kind?.isDirectory()) folders.push(entry.name);
      if (files.length + folders.length > maxEntries) {
        throw new RuntimeError(
          "invalid-argument",
          `${directory} has more than ${maxEntries} entries: not a model directory`,
        );
      }
    }
  } catch (error) {
    throw fromFileError(error, directory);
  }
  // Directory order depends on the file system; messages should be stable.
  return { files: files.sort(), folders: folders.sort() };
}

/** One at a time: there may be more than a reader wants. */
function* entriesOf(directory: string): Generator<Dirent> {
  const open = opendirSync(directory);
  try {
    for (let entry = open.readSync(); entry !== null; entry = open.readSync()) yield entry;
  } finally {
    open.closeSync();
  }
}

function followLink(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

function statPath(path: string): Stats {
  try {
    return statSync(path);
  } catch (error) {
    throw fromFileError(error, path);
  }
}

/** What a model of another kind in the directory is, and how to have it served. */
function hintOf(directory: string): string {
  for (const name of list(directory).files.slice(0, maxSampled)) {
    const sample = sampleFile(join(directory, name));
    const kind = sample && (recognisedKind(sample.head) ?? fileKindOf(sample));
    if (kind !== undefined && !kind.isVague) return `; ${name} is ${kind.what}: ${kind.advice}`;
  }
  return "";
}

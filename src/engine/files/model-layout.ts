import { type Dirent, opendirSync, type Stats, statSync } from "node:fs";
import { join } from "node:path";
import { RuntimeError } from "../../base/errors.ts";
import { fromFileError } from "../../base/file-errors.ts";
import { nameOfType } from "../../base/regular-file.ts";
import { type FolderListing, isForeignName, searchModel } from "../../models/model-search.ts";
import { fileKindOf } from "./file-kind.ts";
import { sampleFile } from "./file-sample.ts";

/** Exporters write one file per tensor for big models, thousands of them; this many are something else. */
const maxEntries = 100_000;
/** Files that are looked into where there is no model. */
const maxSampled = 10;

/** Finds the model file at `path`, a file of any name or a directory, in which it is looked for as
 *  `searchModel` says. Throws RuntimeError "invalid-argument" (no model file, or several),
 *  "failed-precondition" (nothing there, not readable) or "temporarily-unavailable". Blocks. */
export function findModelFile(path: string, extension: string): string {
  const found = statPath(path);
  if (found.isFile()) return path;
  if (!found.isDirectory()) {
    throw new RuntimeError(
      "invalid-argument",
      `${path} is ${nameOfType(found)}, expected a file or a directory`,
    );
  }
  const search = searchModel(path, [extension]);
  let step = search.next();
  while (!step.done) {
    const listing = tryList(step.value);
    step = "error" in listing ? search.throw(listing.error) : search.next(listing);
  }
  const result = step.value;
  if (result.tag === "found") return result.file;
  if (result.tag === "doubt") throw result.why;
  throw new RuntimeError(result.why.kind, `${result.why.message}${hintOf(path)}`);
}

function tryList(directory: string): FolderListing | { readonly error: unknown } {
  try {
    return list(directory);
  } catch (error) {
    return { error };
  }
}

function list(directory: string): FolderListing {
  const files: string[] = [];
  const folders: string[] = [];
  try {
    for (const entry of entriesOf(directory)) {
      if (isForeignName(entry.name)) continue;
      // A link counts as what it points to; one that points nowhere is no model.
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
  // Directory order is the file system's; messages should not change from run to run.
  return { files: files.sort(), folders: folders.sort() };
}

/** One at a time: there may be more than anybody wants to see. */
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

/** What a model of another kind is that lies there, and the way to have it served. */
function hintOf(directory: string): string {
  for (const name of list(directory).files.slice(0, maxSampled)) {
    const sample = sampleFile(join(directory, name));
    const kind = sample && fileKindOf(sample);
    if (kind !== undefined && !kind.isVague) return `; ${name} is ${kind.what}: ${kind.advice}`;
  }
  return "";
}

import { type Dirent, opendirSync, type Stats, statSync } from "node:fs";
import { join } from "node:path";
import { RuntimeError } from "../errors.ts";
import { fromFileError } from "../file-errors.ts";
import { fileKindOf } from "./files/file-kind.ts";
import { sampleFile } from "./files/file-sample.ts";

/** Steps into subdirectories; real layouts need two at most. */
const maxDepth = 8;
/** Exporters write one file per tensor for big models, thousands of them; this many are something else. */
const maxEntries = 100_000;
const maxListed = 10;
const schemaFile = "_schema.json";

interface Listing {
  readonly files: readonly string[];
  readonly directories: readonly string[];
}

/** Finds the model file at `path`, a file of any name or a directory. In a directory: the largest
 *  version if all of its subdirectories are integers and no model file lies beside them, else
 *  `model<extension>`, else the only `*<extension>`, else the same again in the single subdirectory.
 *  Dotfiles and the schema file do not count. Throws RuntimeError "invalid-argument" (no model file, or
 *  several), "failed-precondition" (nothing there, not readable) or "temporarily-unavailable". Blocks. */
export function findModelFile(path: string, extension: string): string {
  const found = statPath(path);
  if (found.isFile()) return path;
  if (!found.isDirectory()) {
    throw new RuntimeError("invalid-argument", `${path} is neither a file nor a directory`);
  }
  let directory = path;
  for (let depth = 0; depth < maxDepth; depth++) {
    const listing = list(directory);
    const file = chooseFile(listing, extension);
    if (file !== undefined) return join(directory, file);
    const next = chooseDirectory(listing, extension);
    if (next === undefined) throw nothingChosen(directory, listing, extension);
    directory = join(directory, next);
  }
  throw new RuntimeError(
    "invalid-argument",
    `no ${extension} file within ${maxDepth} directories below ${path}`,
  );
}

function chooseFile({ files }: Listing, extension: string): string | undefined {
  const preferred = `model${extension}`;
  if (files.includes(preferred)) return preferred;
  const models = files.filter((name) => name.endsWith(extension));
  return models.length === 1 ? models[0] : undefined;
}

function chooseDirectory({ files, directories }: Listing, extension: string): string | undefined {
  // Several model files and no model.onnx: stepping past them would only hide the doubt.
  if (files.some((name) => name.endsWith(extension))) return undefined;
  if (directories.length > 0 && directories.every((name) => /^\d+$/.test(name))) {
    // By value, not by text; BigInt because timestamps with digits beyond 2^53 are in use as versions.
    return directories.reduce((best, name) => (BigInt(name) > BigInt(best) ? name : best));
  }
  return directories.length === 1 ? directories[0] : undefined;
}

function list(directory: string): Listing {
  const files: string[] = [];
  const directories: string[] = [];
  try {
    for (const entry of entriesOf(directory)) {
      if (entry.name.startsWith(".") || entry.name === schemaFile) continue;
      // A link counts as what it points to; one that points nowhere is no model.
      const kind = entry.isSymbolicLink() ? followLink(join(directory, entry.name)) : entry;
      if (kind?.isFile()) files.push(entry.name);
      else if (kind?.isDirectory()) directories.push(entry.name);
      if (files.length + directories.length > maxEntries) {
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
  return { files: files.sort(), directories: directories.sort() };
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

function nothingChosen(directory: string, listing: Listing, extension: string): RuntimeError {
  const models = listing.files.filter((name) => name.endsWith(extension));
  const names = [...listing.directories.map((name) => `${name}/`), ...listing.files];
  const seen =
    names.length === 0
      ? "nothing"
      : `${names.slice(0, maxListed).join(", ")}${names.length > maxListed ? `, and ${names.length - maxListed} more` : ""}`;
  const why =
    models.length > 1
      ? `has ${models.length} ${extension} files and none is named model${extension}`
      : `has no ${extension} file`;
  const hint = models.length > 1 ? "" : hintOf(directory, listing.files);
  return new RuntimeError("invalid-argument", `${directory} ${why}; seen: ${seen}${hint}`);
}

/** What a model of another kind is that lies there, and the way to have it served. */
function hintOf(directory: string, names: readonly string[]): string {
  for (const name of names.slice(0, maxListed)) {
    const sample = sampleFile(join(directory, name));
    const kind = sample && fileKindOf(sample);
    if (kind !== undefined && !kind.isVague) return `; ${name} is ${kind.what}: ${kind.advice}`;
  }
  return "";
}

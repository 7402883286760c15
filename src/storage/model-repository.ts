import type { Dirent } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { basename, dirname, extname, join, parse } from "node:path";
import { RuntimeError } from "../errors.ts";
import { fromFileError } from "../file-errors.ts";
import { settingsFileName } from "../run-settings.ts";

export interface RepositoryVersion {
  /** The name of the numbered folder; "" for a model without versions. */
  readonly version: string;
  /** Absolute path of the folder or file. */
  readonly path: string;
  /** Changes when the files do. */
  readonly fingerprint: string;
}

export interface RepositoryEntry {
  /** The name of the folder, or of the file without its extension. */
  readonly id: string;
  /** At least one. */
  readonly versions: readonly RepositoryVersion[];
}

/** Lists a local model repository: one model for each folder or file in `directory`, by name. A folder
 *  whose subfolders are all numbers, with no model file (one of `extensions`) beside them, has a version
 *  for each. Names that start with "." or "_" belong to somebody else, `*.md` files describe, and
 *  `*modelport.json` has settings. Throws
 *  "failed-precondition" if it cannot be read, "invalid-argument" if two entries make the same id. */
export async function listModelRepository(
  directory: string,
  extensions: readonly string[],
): Promise<RepositoryEntry[]> {
  const byId = new Map<string, string>();
  const found: Promise<RepositoryEntry>[] = [];
  for (const entry of await list(directory)) {
    const isOurs = entry.name.endsWith(".md") || entry.name.endsWith(settingsFileName);
    if (isOurs || /^[._]/.test(entry.name)) continue;
    const id = entry.isFile() ? parse(entry.name).name : entry.name;
    const path = join(directory, entry.name);
    const twin = byId.get(id);
    if (twin !== undefined) {
      throw new RuntimeError(
        "invalid-argument",
        `model repository: '${twin}' and '${path}' would both be model '${id}'`,
      );
    }
    byId.set(id, path);
    found.push(describe(id, path, extensions));
  }
  const models = await Promise.all(found);
  return models.sort((a, b) => (a.id < b.id ? -1 : 1));
}

async function describe(
  id: string,
  path: string,
  extensions: readonly string[],
): Promise<RepositoryEntry> {
  const found = await stat(path).catch(refuse(path));
  if (!found.isDirectory()) {
    const files = [path, join(dirname(path), `${id}.${settingsFileName}`), sharedSettings(path)];
    return { id, versions: [{ version: "", path, fingerprint: await fingerprintOf(files) }] };
  }
  const entries = await list(path);
  const folders = entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith("."));
  const hasModelFile = entries.some(
    (entry) => !entry.isDirectory() && extensions.includes(extname(entry.name)),
  );
  const isVersioned =
    !hasModelFile && folders.length > 0 && folders.every(({ name }) => /^\d+$/.test(name));
  const numbers = isVersioned ? folders.map(({ name }) => name) : [""];
  const versions = numbers.map(async (version) => {
    const folder = join(path, version);
    const files = (await list(folder)).map(({ name }) => join(folder, name));
    if (version !== "") files.push(sharedSettings(folder));
    return { version, path: folder, fingerprint: await fingerprintOf(files) };
  });
  return { id, versions: await Promise.all(versions) };
}

/** Settings that `path` shares with what lies beside it. */
function sharedSettings(path: string): string {
  return join(dirname(path), settingsFileName);
}

/** Of files that need not exist. */
async function fingerprintOf(files: readonly string[]): Promise<string> {
  const parts = files.map(async (file) => {
    const found = await stat(file).catch(() => undefined);
    return `${basename(file)}:${found?.ino}:${found?.size}:${found?.mtimeMs}`;
  });
  return (await Promise.all(parts)).sort().join("|");
}

function list(directory: string): Promise<Dirent[]> {
  return readdir(directory, { withFileTypes: true }).catch(refuse(directory));
}

function refuse(path: string): (error: unknown) => never {
  return (error) => {
    throw fromFileError(error, `model repository '${path}'`);
  };
}

import type { Dirent } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { extname, join, parse } from "node:path";
import { RuntimeError } from "../errors.ts";
import { fromFileError } from "../file-errors.ts";

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
 *  for each. Names that start with "." or "_" belong to somebody else, and `*.md` files describe. Throws
 *  "failed-precondition" if it cannot be read, "invalid-argument" if two entries make the same id. */
export async function listModelRepository(
  directory: string,
  extensions: readonly string[],
): Promise<RepositoryEntry[]> {
  const byId = new Map<string, string>();
  const found: Promise<RepositoryEntry>[] = [];
  for (const entry of await list(directory)) {
    if (/^[._]/.test(entry.name) || entry.name.endsWith(".md")) continue;
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
    const fingerprint = `${found.ino}:${found.size}:${found.mtimeMs}`;
    return { id, versions: [{ version: "", path, fingerprint }] };
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
    return { version, path: folder, fingerprint: await fingerprintOf(folder) };
  });
  return { id, versions: await Promise.all(versions) };
}

async function fingerprintOf(folder: string): Promise<string> {
  const entries = await list(folder);
  const parts = entries.map(async ({ name }) => {
    const found = await stat(join(folder, name)).catch(() => undefined);
    return `${name}:${found?.ino}:${found?.size}:${found?.mtimeMs}`;
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

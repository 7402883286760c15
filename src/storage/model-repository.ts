import { readdir } from "node:fs/promises";
import { join, parse } from "node:path";
import { RuntimeError } from "../errors.ts";
import { fromFileError } from "../file-errors.ts";

export interface RepositoryEntry {
  /** The name of the folder, or of the file without its extension. */
  readonly id: string;
  /** Absolute path of the folder or file. */
  readonly path: string;
}

/** Lists a local model repository: one model for each folder or file in `directory`, by name. Names
 *  that start with "." or "_" belong to somebody else, and `*.md` files describe. Throws
 *  "failed-precondition" if it cannot be read, "invalid-argument" if two entries make the same id. */
export async function listModelRepository(directory: string): Promise<RepositoryEntry[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch((error: unknown) => {
    throw fromFileError(error, `model repository '${directory}'`);
  });
  const byId = new Map<string, RepositoryEntry>();
  for (const entry of entries) {
    if (/^[._]/.test(entry.name) || entry.name.endsWith(".md")) continue;
    const id = entry.isFile() ? parse(entry.name).name : entry.name;
    const path = join(directory, entry.name);
    const twin = byId.get(id);
    if (twin !== undefined) {
      throw new RuntimeError(
        "invalid-argument",
        `model repository: '${twin.path}' and '${path}' would both be model '${id}'`,
      );
    }
    byId.set(id, { id, path });
  }
  return [...byId.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
}

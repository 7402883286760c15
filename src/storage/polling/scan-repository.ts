import { createHash, type Hash } from "node:crypto";
import { readdirSync, type Stats, statSync } from "node:fs";
import { join } from "node:path";
import { fromFileError } from "../../base/files/file-errors.ts";
import { isForeignName } from "../../models/names.ts";

/** How deep folders are searched, and how many files of one entry count: as in the fingerprints of models, which
 *  begin one folder further down. */
const maxDepth = 9;
const maxEntries = 20_000;

/** What a repository looked like, without a file of it having been read. */
export interface RepositoryScan {
  /** Another one if any file was added, removed, written to or replaced, behind links as well. */
  readonly digest: string;
  /** The device that the directory is on. */
  readonly device: string;
  /** Entries of the directory that may be models. */
  readonly entryCount: number;
}

interface Walk {
  readonly hash: Hash;
  /** Folders above, so that a link back to one of them ends there. */
  readonly above: readonly string[];
  readonly counted: { files: number };
}

/** Looks at every file below `directory`: size, times, inode. Throws RuntimeError if the directory itself cannot be
 *  read. Blocks for as long as the disk takes. */
export function scanRepository(directory: string): RepositoryScan {
  let names: string[];
  let found: Stats;
  try {
    found = statSync(directory);
    names = readdirSync(directory);
  } catch (error) {
    throw fromFileError(error, `model repository '${directory}'`);
  }
  const hash = createHash("sha256");
  const seen = names.filter((name) => !isForeignName(name)).sort();
  for (const name of seen) {
    note(join(directory, name), name, { hash, above: [], counted: { files: 0 } });
  }
  return { digest: hash.digest("hex"), device: `${found.dev}`, entryCount: seen.length };
}

function note(path: string, name: string, walk: Walk): void {
  const { hash, above, counted } = walk;
  // An entry that is out of reach counts as such: when it comes back, something has changed.
  const found = statOf(path);
  // A NUL ends each name, since none can have one.
  hash.update(
    `${name}\0${found?.dev}:${found?.ino}:${found?.isDirectory() ? "" : `${found?.size}:${found?.mtimeMs}`}\0`,
  );
  if (!found?.isDirectory()) return;
  const identity = `${found.dev}:${found.ino}`;
  if (above.length >= maxDepth || above.includes(identity)) return;
  const below = { hash, above: [...above, identity], counted };
  for (const entry of namesIn(path)) {
    if (isForeignName(entry)) continue;
    if (++counted.files > maxEntries) return;
    note(join(path, entry), `${name}/${entry}`, below);
  }
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}

import { type Dirent, opendirSync, type Stats, statSync } from "node:fs";
import { join } from "node:path";
import { RuntimeError } from "../../base/errors.ts";
import { fromFileError } from "../../base/files/file-errors.ts";
import { nameOfType } from "../../base/files/regular-file.ts";
import type { SignedModel } from "./read-statement.ts";

export interface ComparedFolder {
  /** Absolute. */
  readonly folder: string;
  readonly signed: Pick<SignedModel, "files" | "ignored" | "allowsLinks" | "omitsEmpty">;
  /** The signature, relative to the folder if it is in it. */
  readonly signature: string;
  /** Called for each entry; may throw. */
  readonly onEntry: () => void;
}

const maxEntries = 500_000;
const maxDepth = 64;
const maxShown = 5;

/** Throws "failed-precondition" unless the folder has the files that were signed and no others. What files contain
 *  does not matter yet. Folders of ext4's own are passed over, as are links to folders, which the tool does not follow.
 *  Blocks. */
export function compareFiles({ folder, signed, signature, onEntry }: ComparedFolder): void {
  const ignored = new Set([...signed.ignored, signature, "lost+found"]);
  const missing = new Set(signed.files.keys());
  const extra: string[] = [];
  let entries = 0;
  const visit = (below: string, depth: number, isIgnored: boolean): void => {
    for (const entry of entriesOf(join(folder, below))) {
      onEntry();
      entries++;
      if (entries > maxEntries) throw refusal(`${folder} has more than ${maxEntries} entries`);
      const path = below === "" ? entry.name : `${below}/${entry.name}`;
      const isOutside = isIgnored || ignored.has(path);
      if (isOutside && !hasSigned(missing, path)) continue;
      const kind = kindOf(join(folder, path), entry, signed.allowsLinks);
      if (kind.isDirectory()) {
        if (entry.isSymbolicLink()) continue;
        if (depth === maxDepth) throw refusal(`${folder} has more than ${maxDepth} levels`);
        visit(path, depth + 1, isOutside);
      } else if (!kind.isFile()) {
        throw refusal(`${join(folder, path)} is ${nameOfType(kind)}, expected a file or a folder`);
      } else if (!missing.delete(path) && !(signed.omitsEmpty && isEmpty(join(folder, path)))) {
        extra.push(path);
      }
    }
  };
  visit("", 0, false);
  const problems = [
    ...(extra.length > 0 ? [`it does not list ${listed(extra)}`] : []),
    ...(missing.size > 0 ? [`${folder} lacks ${listed([...missing])}`] : []),
  ];
  if (problems.length > 0) throw refusal(problems.join("; "));
}

/** A signature may list files that are otherwise ignored. */
function hasSigned(files: ReadonlySet<string>, ignored: string): boolean {
  if (files.has(ignored)) return true;
  for (const file of files) if (file.startsWith(`${ignored}/`)) return true;
  return false;
}

/** One at a time: there may be more than is allowed. */
function* entriesOf(folder: string): Generator<Dirent> {
  try {
    const open = opendirSync(folder);
    try {
      for (let entry = open.readSync(); entry !== null; entry = open.readSync()) yield entry;
    } finally {
      open.closeSync();
    }
  } catch (error) {
    throw fromFileError(error, folder);
  }
}

function kindOf(path: string, entry: Dirent, allowsLinks: boolean): Stats | Dirent {
  if (!entry.isSymbolicLink()) return entry;
  if (!allowsLinks) throw refusal(`${path} is a link, but it was made for a model without links`);
  try {
    return statSync(path);
  } catch (error) {
    throw fromFileError(error, path);
  }
}

function isEmpty(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.size === 0;
}

function listed(paths: readonly string[]): string {
  const shown = paths
    .toSorted()
    .slice(0, maxShown)
    .map((path) => path.slice(0, 200));
  const more = paths.length - shown.length;
  return more > 0 ? `${shown.join(", ")} and ${more} more` : shown.join(", ");
}

function refusal(message: string): RuntimeError {
  return new RuntimeError("failed-precondition", message);
}

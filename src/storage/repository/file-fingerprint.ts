import { createHash } from "node:crypto";
import { basename, join } from "node:path";
import { listFolder, tryStat } from "./list-folder.ts";

/** Steps into folders. */
const maxDepth = 8;
/** Of one fingerprint. Whoever keeps a data set in the folder of a model has more, and pays with what lies
 *  beyond it. */
const maxEntries = 20_000;

interface Walk {
  readonly parts: string[];
  /** Folders on the way down, so that a link to one of them ends there. */
  readonly above: readonly string[];
  readonly depth: number;
}

/** A text that is another one when the files at `paths`, or in folders of these names and all below them, are
 *  replaced, written to, added or removed. Links count as what they point to. Nobody reads the files: it goes by
 *  size, time and inode. Paths need not exist. */
export async function fingerprintOf(paths: readonly string[]): Promise<string> {
  const parts: string[] = [];
  for (const path of [...paths].sort()) {
    await add(path, basename(path), { parts, above: [], depth: 0 });
  }
  return createHash("sha256").update(parts.sort().join("\n")).digest("hex");
}

async function add(path: string, name: string, walk: Walk): Promise<void> {
  const { parts, above, depth } = walk;
  const found = await tryStat(path);
  if (!found?.isDirectory()) {
    parts.push(`${name}:${found?.dev}:${found?.ino}:${found?.size}:${found?.mtimeMs}`);
    return;
  }
  const identity = `${found.dev}:${found.ino}`;
  if (depth >= maxDepth || above.includes(identity)) return;
  // What cannot be read does not make a model another one; the load will say it.
  const listing = await listFolder(path).catch(() => ({ files: [], folders: [] }));
  const below = { parts, above: [...above, identity], depth: depth + 1 };
  const seen = listing.files.slice(0, Math.max(maxEntries - parts.length, 0));
  await Promise.all(seen.map((file) => add(join(path, file), `${name}/${file}`, below)));
  for (const folder of listing.folders) {
    if (parts.length >= maxEntries) return;
    await add(join(path, folder), `${name}/${folder}`, below);
  }
}

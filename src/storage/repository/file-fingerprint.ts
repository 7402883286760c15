import { createHash } from "node:crypto";
import { basename, join } from "node:path";
import { listFolder, tryStat } from "./list-folder.ts";

/** How deep folders are searched. */
const maxDepth = 8;
/** The limit of one fingerprint. A model folder that also holds a data set has more files; changes in the rest
 *  go unnoticed. */
const maxEntries = 20_000;

interface Walk {
  readonly parts: string[];
  /** Parent folders, so that a link back to one of them ends there. */
  readonly above: readonly string[];
  readonly depth: number;
}

/** A string that changes when the files at `paths`, or in folders of these names and below, are replaced,
 *  written to, added or removed. Links count as their targets. Files are not read: size, time and inode decide.
 *  Paths need not exist. */
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
  // An unreadable file does not change the model; the load will report it.
  const listing = await listFolder(path).catch(() => ({ files: [], folders: [] }));
  const below = { parts, above: [...above, identity], depth: depth + 1 };
  const seen = listing.files.slice(0, Math.max(maxEntries - parts.length, 0));
  await Promise.all(seen.map((file) => add(join(path, file), `${name}/${file}`, below)));
  for (const folder of listing.folders) {
    if (parts.length >= maxEntries) return;
    await add(join(path, folder), `${name}/${folder}`, below);
  }
}

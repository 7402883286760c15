import { posix } from "node:path";
import { normalize } from "../contract/object-listing.ts";
import { type ArchiveEntry, badArchive } from "./archive-entry.ts";

const maxPathBytes = 3_000;

/** The path of an entry below the archive's top, without "." and empty parts; "" for the top itself. Throws
 *  "invalid-argument" if it leads out. `isFromTop`: a slash at the start means the top, as in layers. */
export function entryPath(name: string, isFromTop: boolean, what: string): string {
  if (name.startsWith("/") && !isFromTop) throw leadsOut(name, what);
  const parts = name.split("/").filter((part) => part !== ".");
  if (parts.includes("..")) throw leadsOut(name, what);
  const path = normalize(parts.join("/"), what);
  if (Buffer.byteLength(path) > maxPathBytes) throw badArchive(what, "it has a path without end");
  return path;
}

/** Where a link leads, below the archive's top. Throws "invalid-argument" if it leads out. */
export function targetPath(link: {
  /** Its own path below the top. */
  readonly path: string;
  readonly entry: Pick<ArchiveEntry, "kind" | "target">;
  /** As for `entryPath`. Targets of hard links without a slash are from the top, too. */
  readonly isFromTop: boolean;
  readonly what: string;
}): string {
  const { path, entry, isFromTop, what } = link;
  const { kind, target } = entry;
  const isWhole = kind === "hard link" || target.startsWith("/");
  if (target.startsWith("/") && !isFromTop) throw leadsOut(target, what);
  const joined = posix.normalize(isWhole ? target : posix.join(posix.dirname(path), target));
  if (joined === ".." || joined.startsWith("../")) throw leadsOut(target, what);
  return entryPath(joined, isFromTop, what);
}

/** Whether `path` is a folder that holds `below`, or is it. */
export function isAbove(path: string, below: string): boolean {
  return below !== "" && (path === "" || path === below || below.startsWith(`${path}/`));
}

function leadsOut(name: string, what: string) {
  return badArchive(what, `'${name.slice(0, 200)}' leads out of it`);
}

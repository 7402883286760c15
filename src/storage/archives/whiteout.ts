import { posix } from "node:path";

const prefix = ".wh.";
const opaque = ".wh..wh..opq";

/** What a layer's entry removes from the layers before it. */
export interface Whiteout {
  readonly path: string;
  /** Whether only what is in the folder goes. */
  readonly keepsFolder: boolean;
}

/** Undefined if the entry at `path` is a file like any other. */
export function readWhiteout(path: string): Whiteout | undefined {
  const name = posix.basename(path);
  if (!name.startsWith(prefix)) return undefined;
  const folder = posix.dirname(path);
  const place = folder === "." ? "" : folder;
  if (name === opaque) return { path: place, keepsFolder: true };
  return { path: posix.join(place, name.slice(prefix.length)), keepsFolder: false };
}

import { RuntimeError } from "../../base/errors.ts";
import type { RemoteFile, RemoteListing } from "./remote-storage.ts";

/** An object as its store lists it. */
export interface StoredObject {
  readonly key: string;
  readonly sizeBytes: number;
  readonly version: string | undefined;
}

/** All objects whose keys start with `prefix`, in key order, over as many pages as it takes. `atMost` is how
 *  many the caller will look at. */
export type ListObjects = (prefix: string, atMost: number) => AsyncIterable<StoredObject>;

/** Real models have thousands of files at most. */
const maxFiles = 100_000;
const maxNameBytes = 255;

/** The files of the model at `path` in a store that knows only keys: the object with this name, or all objects
 *  below `path/`. Keys that merely start with the same text belong to others. `what` names the place in
 *  messages. */
export async function listModel(
  list: ListObjects,
  path: string,
  what: string,
): Promise<RemoteListing> {
  const root = normalize(path, what);
  const own = root === "" || path.endsWith("/") ? undefined : await first(list(root, 1), root);
  // Some tools mark a folder with an empty object beside others of its name.
  if (own !== undefined && own.sizeBytes > 0) return oneFile(own, root);
  const found: RemoteFile[] = [];
  const prefix = root === "" ? "" : `${root}/`;
  for await (const object of list(prefix, maxFiles + 1)) {
    // Marks a folder; the files in it have keys of their own.
    if (object.key.endsWith("/")) continue;
    if (found.length === maxFiles) {
      throw new RuntimeError("invalid-argument", `${what} has more than ${maxFiles} files`);
    }
    const name = normalize(object.key.slice(prefix.length), what);
    if (name !== "") found.push(file(object, name));
  }
  if (found.length > 0) return { isFolder: true, files: withoutMarkers(found, what) };
  if (own !== undefined) return oneFile(own, root);
  throw new RuntimeError("failed-precondition", `${what} does not exist: nothing is stored there`);
}

/** The last part of a path; "" if it has none. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** A key without empty parts. Throws "invalid-argument" if it cannot be a path below a folder. */
export function normalize(key: string, what: string): string {
  const parts = key.split("/").filter((part) => part !== "");
  for (const part of parts) {
    const isBad = part === "." || part === ".." || part.includes("\0");
    if (!isBad && Buffer.byteLength(part) <= maxNameBytes) continue;
    throw new RuntimeError(
      "invalid-argument",
      `${what}: '${key.slice(0, 300)}' cannot be the name of a local file`,
    );
  }
  return parts.join("/");
}

async function first(
  objects: AsyncIterable<StoredObject>,
  key: string,
): Promise<StoredObject | undefined> {
  // The key itself sorts before all keys that start with it.
  for await (const object of objects) return object.key === key ? object : undefined;
  return undefined;
}

/** Drops empty objects that have the name of a folder. Throws if on a local disk two files would be one, or a
 *  file would also be a folder. */
function withoutMarkers(files: readonly RemoteFile[], what: string): RemoteFile[] {
  const folders = new Set<string>();
  for (const { name } of files) {
    for (let at = name.indexOf("/"); at >= 0; at = name.indexOf("/", at + 1)) {
      folders.add(name.slice(0, at));
    }
  }
  const kept = files.filter(({ name, sizeBytes }) => sizeBytes !== 0 || !folders.has(name));
  const names = new Set<string>();
  for (const { name } of kept) {
    if (names.has(name) || folders.has(name)) {
      throw new RuntimeError(
        "invalid-argument",
        `${what}: '${name}' exists twice, or both as a file and as a folder`,
      );
    }
    names.add(name);
  }
  return kept;
}

function oneFile(object: StoredObject, path: string): RemoteListing {
  return { isFolder: false, files: [file(object, baseName(path))] };
}

function file({ key, sizeBytes, version }: StoredObject, name: string): RemoteFile {
  return { key, name, sizeBytes, version };
}

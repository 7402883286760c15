import { closeSync, lstatSync, readFileSync, statSync } from "node:fs";
import { join, resolve, sep } from "node:path";
import { RuntimeError } from "../../../base/errors.ts";
import { fromFileError } from "../../../base/files/file-errors.ts";
import { checkRegular, openRegularFileSync } from "../../../base/files/regular-file.ts";
import { SafePath } from "../../../base/files/safe-path.ts";
import { JsonFile, shorten } from "./json-file.ts";

/** A list of 100,000 labels, or the index of a model of 10,000 tensors, has a fraction of it. */
const maxTextBytes = 8 * 1024 * 1024;

/** The files of one folder. Names are relative to it, with "/" between their parts; links are followed as far
 *  as the roots allow. Its methods block. */
export class FolderFiles {
  readonly folder: string;
  readonly #safe: SafePath;
  readonly #found = new Set<string>();

  /** `folder`: an absolute path. */
  constructor(folder: string, roots: readonly string[]) {
    this.folder = resolve(folder);
    this.#safe = new SafePath(roots);
  }

  /** The paths of all files that were found so far. */
  get found(): readonly string[] {
    return [...this.#found];
  }

  /** The path without links of a regular file; undefined if there is none of this name. Throws
   *  "invalid-argument" if it is something else or leads out of the roots, "failed-precondition" for a link
   *  to nothing. */
  find(name: string): string | undefined {
    const path = this.#inside(name);
    if (!isThere(path)) return undefined;
    const target = this.#safe.follow(path);
    try {
      checkRegular(statSync(target), path);
    } catch (error) {
      throw fromFileError(error, path);
    }
    this.#found.add(target);
    return target;
  }

  /** As `find`. Throws "invalid-argument" with `why` if there is no such file. */
  need(name: string, why: string): string {
    return this.find(name) ?? this.#missing(name, why);
  }

  /** Whether there is anything of this name. It is not followed, and does not count as found. */
  has(name: string): boolean {
    return isThere(this.#inside(name));
  }

  /** The object in a JSON file; undefined if there is none of this name. Throws as `find`, and
   *  "invalid-argument" if it is too large or not such a file. */
  json(name: string): JsonFile | undefined {
    const text = this.text(name);
    return text === undefined ? undefined : JsonFile.parse(text, this.shown(name));
  }

  /** As `json`. Throws "invalid-argument" with `why` if there is no such file. */
  needJson(name: string, why: string): JsonFile {
    return this.json(name) ?? this.#missing(name, why);
  }

  text(name: string): string | undefined {
    const path = this.find(name);
    if (path === undefined) return undefined;
    try {
      return readText(path);
    } catch (error) {
      throw fromFileError(error, this.shown(name));
    }
  }

  /** A name for messages. */
  shown(name: string): string {
    return join(this.folder, name);
  }

  #inside(name: string): string {
    const path = resolve(this.folder, name);
    if (name.includes("\0") || !(path === this.folder || path.startsWith(`${this.folder}${sep}`))) {
      throw new RuntimeError(
        "invalid-argument",
        `${this.folder} names the file '${shorten(name)}', expected one inside the folder`,
      );
    }
    return path;
  }

  #missing(name: string, why: string): never {
    throw new RuntimeError("invalid-argument", `${this.folder} has no ${name}: ${why}`);
  }
}

/** Also if it is a link to nothing. */
function isThere(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    throw fromFileError(error, path);
  }
}

function readText(path: string): string {
  const { descriptor, sizeBytes } = openRegularFileSync(path);
  try {
    if (sizeBytes > maxTextBytes) {
      throw new RuntimeError(
        "invalid-argument",
        `${path} has ${sizeBytes} bytes, expected at most ${maxTextBytes}`,
      );
    }
    return readFileSync(descriptor, "utf8");
  } finally {
    closeSync(descriptor);
  }
}

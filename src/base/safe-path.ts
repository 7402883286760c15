import { realpathSync } from "node:fs";
import { resolve, sep } from "node:path";
import { RuntimeError } from "./errors.ts";
import { fromFileError } from "./file-errors.ts";

/** Keeps model paths inside the configured directories, symbolic links included. */
export class SafePath {
  /** Absolute directories, of which the first is where relative paths start. They need not exist (yet),
   *  and may be links themselves. */
  readonly roots: readonly string[];

  constructor(roots: readonly string[]) {
    this.roots = roots;
  }

  /** The absolute form of `path`, by its letters alone. Throws "invalid-argument" if that lies outside
   *  the roots, so that callers cannot ask whether files elsewhere exist. */
  resolve(path: string): string {
    if (path.includes("\0")) {
      throw new RuntimeError("invalid-argument", "model path has a NUL byte in it");
    }
    const absolute = resolve(this.roots[0] ?? sep, path);
    if (!this.roots.some((root) => isInside(absolute, root))) throw this.#outside(path);
    return absolute;
  }

  /** Follows all links of an absolute path. Throws "failed-precondition" if nothing is there or it
   *  cannot be read, "invalid-argument" if it leads out of the roots or nowhere, "temporarily-unavailable"
   *  if the system is short of something. `path`: as the caller wrote it, for the message. Blocks. */
  follow(absolute: string, path: string = absolute): string {
    const target = realPath(absolute, path);
    if (!this.holds(target)) throw this.#outside(path);
    return target;
  }

  /** Whether an absolute path without links lies in one of the roots. Blocks. */
  holds(target: string): boolean {
    // One that starts with a root's own letters lies in it, link or no link.
    return (
      this.roots.some((root) => isInside(target, root)) ||
      this.roots.some((root) => isInside(target, realRoot(root)))
    );
  }

  #outside(path: string): RuntimeError {
    return new RuntimeError(
      "invalid-argument",
      `model path '${path}' is outside the model directories (${this.roots.join(", ")})`,
    );
  }
}

function realPath(absolute: string, path: string): string {
  try {
    return realpathSync.native(absolute);
  } catch (error) {
    throw fromFileError(error, `model path '${path}'`);
  }
}

function realRoot(root: string): string {
  try {
    return realpathSync.native(root);
  } catch {
    return root;
  }
}

/** Both absolute, without "." and "..". */
function isInside(path: string, root: string): boolean {
  return path === root || path.startsWith(root.endsWith(sep) ? root : `${root}${sep}`);
}

import { realpathSync } from "node:fs";
import { resolve, sep } from "node:path";
import { RuntimeError } from "../errors.ts";
import { fromFileError } from "./file-errors.ts";

/** Keeps model paths inside the configured directories, symbolic links included. */
export class SafePath {
  /** Absolute directories; relative paths start at the first one. They need not exist yet, and may be links
   *  themselves. */
  readonly roots: readonly string[];

  constructor(roots: readonly string[]) {
    this.roots = roots;
  }

  /** The absolute form of `path`, computed from its text alone. Throws "invalid-argument" if it lies outside
   *  the roots, so that clients cannot probe for files elsewhere. */
  resolve(path: string): string {
    if (path.includes("\0")) {
      throw new RuntimeError("invalid-argument", "model path contains a NUL byte");
    }
    const absolute = resolve(this.roots[0] ?? sep, path);
    if (!this.roots.some((root) => isInside(absolute, root))) throw this.#outside(path);
    return absolute;
  }

  /** Follows all links of an absolute path. Throws "failed-precondition" if it does not exist or is not
   *  readable, "invalid-argument" if it leads out of the roots or is a loop, "temporarily-unavailable" if the
   *  system is out of a resource. `path`: as the client wrote it, for the message. Blocks. */
  follow(absolute: string, path: string = absolute): string {
    const target = realPath(absolute, path);
    if (!this.holds(target)) throw this.#outside(path);
    return target;
  }

  /** Whether an absolute path without links lies in one of the roots. Blocks. */
  holds(target: string): boolean {
    // A path that starts with a root's text lies inside that root, even if the root is a link.
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

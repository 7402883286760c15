import { realpath } from "node:fs/promises";
import { isAbsolute, relative, resolve, sep } from "node:path";
import { RuntimeError } from "../errors.ts";
import { fromFileError } from "../file-errors.ts";

/** Keeps model paths inside the configured directories, symbolic links included. */
export class SafePath {
  readonly #roots: readonly string[];

  /** `roots`: absolute directories, of which the first is where relative paths start. They need not
   *  exist (yet), and may be links themselves. */
  constructor(roots: readonly string[]) {
    this.#roots = roots;
  }

  /** The absolute form of `path`, by its letters alone. Throws "invalid-argument" if that lies outside
   *  the roots, so that callers cannot ask whether files elsewhere exist. */
  resolve(path: string): string {
    if (path.includes("\0")) {
      throw new RuntimeError("invalid-argument", "model path has a NUL byte in it");
    }
    const absolute = resolve(this.#roots[0] ?? sep, path);
    if (!this.#roots.some((root) => isInside(absolute, root))) throw this.#outside(path);
    return absolute;
  }

  /** Follows all links of an absolute path. Throws "failed-precondition" if nothing is there or it
   *  cannot be read, "invalid-argument" if it leads out of the roots or nowhere, "temporarily-unavailable"
   *  if the system is short of something. `path`: as the caller wrote it, for the message. */
  async follow(absolute: string, path: string = absolute): Promise<string> {
    const target = await realpath(absolute).catch((error: unknown) => {
      throw fromFileError(error, `model path '${path}'`);
    });
    // A path without links that starts with a root's own letters lies in it, link or no link.
    if (this.#roots.some((root) => isInside(target, root))) return target;
    const roots = await Promise.all(this.#roots.map((root) => realpath(root).catch(() => root)));
    if (!roots.some((root) => isInside(target, root))) throw this.#outside(path);
    return target;
  }

  #outside(path: string): RuntimeError {
    return new RuntimeError(
      "invalid-argument",
      `model path '${path}' is outside the model directories (${this.#roots.join(", ")})`,
    );
  }
}

function isInside(path: string, root: string): boolean {
  const way = relative(root, path);
  return way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

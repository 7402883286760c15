import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { RuntimeError } from "../../../base/errors.ts";
import { SafePath } from "../../../base/files/safe-path.ts";
import type { DataFolder } from "../../contract/model-format.ts";

/** Finds one model's data files: beside the path by which the model was named, otherwise beside the file that
 *  this path leads to. In Hugging Face's cache both are links, to files that are not next to each other under
 *  these names. */
export class DataFiles {
  readonly #file: string;
  readonly #folder: DataFolder;
  readonly #found: Record<string, string> = {};
  #areMoved = false;

  /** `file`: the model's, without links. */
  constructor(file: string, folder: DataFolder) {
    this.#file = file;
    this.#folder = folder;
  }

  /** The path of the data file that the model calls `location`, a relative path without "..". It has no
   *  links, unless nothing exists there. Throws "invalid-argument" if a link leads out of the roots.
   *  Blocks. */
  find(location: string): string {
    const named = join(this.#folder.path, location);
    const beside = join(dirname(this.#file), location);
    const found = [named, beside].find((path) => existsSync(path));
    if (found === undefined) return named;
    const path = this.#follow(found);
    this.#found[location] = path;
    this.#areMoved ||= path !== beside;
    return path;
  }

  /** All that were found, by location, if any is not in its place beside the file; otherwise undefined. */
  get moved(): Readonly<Record<string, string>> | undefined {
    return this.#areMoved ? this.#found : undefined;
  }

  #follow(path: string): string {
    const { roots } = this.#folder;
    try {
      return new SafePath(roots).follow(path);
    } catch (error) {
      if (!(error instanceof RuntimeError) || error.kind !== "invalid-argument") throw error;
      throw new RuntimeError(
        "invalid-argument",
        `${path} (weights of ${this.#file}) leads out of the model directories (${roots.join(", ")})`,
      );
    }
  }
}

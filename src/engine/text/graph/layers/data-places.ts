import { realpathSync } from "node:fs";
import { relative } from "node:path";
import { commonFolder } from "../../../../base/common-folder.ts";

/** The files that hold a model's weights, by the names that a graph has for them. ONNX Runtime follows links, and refuses
 *  those that lead out of the folder that it is given. So names are made of paths without links, and the folder is the
 *  deepest one that contains all files. */
export class DataPlaces {
  readonly folder: string;
  /** Without links, each once. */
  readonly files: readonly string[];
  readonly #names: ReadonlyMap<string, string>;

  /** `files`: absolute, at least one. They exist. Blocks. */
  constructor(files: readonly string[]) {
    const real = new Map(files.map((file) => [file, realpathSync.native(file)]));
    this.files = [...new Set(real.values())];
    this.folder = commonFolder(this.files);
    this.#names = new Map([...real].map(([file, path]) => [file, relative(this.folder, path)]));
  }

  /** The name of one of the files, relative to the folder. */
  nameOf(file: string): string {
    const name = this.#names.get(file);
    if (name === undefined) throw new Error(`${file} is not one of the data files`);
    return name;
  }
}

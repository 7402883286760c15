import { join } from "node:path";

/** A folder of one process, with signs that tell other processes when it has ended. */
export interface OwnFolder {
  /** The directory that it is in. */
  readonly parent: string;
  /** Absolute; created on first use. Rejects if that is not possible. */
  path(): Promise<string>;
  /** Removes the folders of processes that have ended. */
  removeOthers(): Promise<void>;
  /** Removes the folder itself. */
  remove(): Promise<void>;
}

/** A folder for each copy of a model. */
export class CopyFolders {
  readonly #own: OwnFolder;
  #last = 0;

  constructor(own: OwnFolder) {
    this.#own = own;
  }

  /** An absolute path that does not exist yet. Rejects if there is no place for copies. */
  async next(): Promise<string> {
    return join(await this.#own.path(), String(++this.#last));
  }

  removeLeftovers(): Promise<void> {
    return this.#own.removeOthers();
  }

  remove(): Promise<void> {
    return this.#own.remove();
  }
}

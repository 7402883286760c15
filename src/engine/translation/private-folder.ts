import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import type { OwnFolder } from "./translation-store.ts";

/** A folder of this process in a directory that other users may write to as well. Nobody else can use it. */
export class PrivateFolder implements OwnFolder {
  readonly parent: string;
  #path: Promise<string> | undefined;

  constructor(parent: string) {
    this.parent = parent;
  }

  path(): Promise<string> {
    this.#path ??= mkdtemp(join(this.parent, "modelport-translated-"));
    // There may be room later.
    this.#path.catch(() => {
      this.#path = undefined;
    });
    return this.#path;
  }

  async removeOthers(): Promise<void> {}

  async remove(): Promise<void> {
    const path = await this.#path?.catch(() => undefined);
    if (path !== undefined) await rm(path, { recursive: true, force: true });
  }
}

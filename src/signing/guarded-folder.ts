import { lstat, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { OwnFolder } from "./copy-folders.ts";

const writableByOthers = 0o022;

/** A folder of one process in a directory that must be this user's alone: who may write to the directory can put another
 *  folder in the place of this one. Where another user has made the directory, a folder of its own is taken, beside
 *  it. */
export class GuardedFolder implements OwnFolder {
  readonly #own: OwnFolder;
  #fallback: Promise<string> | undefined;

  /** `own`: where it is if nothing is wrong with its directory. */
  constructor(own: OwnFolder) {
    this.#own = own;
  }

  get parent(): string {
    return this.#own.parent;
  }

  async path(): Promise<string> {
    if (this.#fallback === undefined && (await this.#isSafe())) return await this.#own.path();
    this.#fallback ??= mkdtemp(join(tmpdir(), "modelport-verified-"));
    return await this.#fallback;
  }

  async removeOthers(): Promise<void> {
    if (await this.#isSafe()) await this.#own.removeOthers();
  }

  async remove(): Promise<void> {
    const fallback = await this.#fallback?.catch(() => undefined);
    if (fallback !== undefined) await rm(fallback, { recursive: true, force: true });
    await this.#own.remove();
  }

  async #isSafe(): Promise<boolean> {
    try {
      await mkdir(this.parent, { recursive: true, mode: 0o700 });
      const found = await lstat(this.parent);
      const isOurs = process.getuid === undefined || found.uid === process.getuid();
      return found.isDirectory() && isOurs && (found.mode & writableByOthers) === 0;
    } catch {
      return false;
    }
  }
}

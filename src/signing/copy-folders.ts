import { lstat, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A folder of one process, with signs that tell other processes when it has ended. */
export interface OwnFolder {
  /** Absolute; created on first use. Rejects if that is not possible. */
  path(): Promise<string>;
  /** Removes the folders of processes that have ended. */
  removeOthers(): Promise<void>;
  /** Removes the folder itself. */
  remove(): Promise<void>;
}

/** Others may write to this directory, but may not rename or remove what is this user's. */
const writableByOthers = 0o022;

/** A folder for each copy of a model. */
export class CopyFolders {
  readonly #own: OwnFolder;
  /** Whose directory must be this user's alone; undefined: the operator has chosen it. */
  readonly #guarded: string | undefined;
  #fallback: Promise<string> | undefined;
  #last = 0;

  constructor(own: OwnFolder, guarded?: string) {
    this.#own = own;
    this.#guarded = guarded;
  }

  /** An absolute path that does not exist yet. Rejects if there is no place for copies. */
  async next(): Promise<string> {
    return join(await this.#folder(), String(++this.#last));
  }

  async removeLeftovers(): Promise<void> {
    if (await this.#isSafe()) await this.#own.removeOthers();
  }

  async remove(): Promise<void> {
    const fallback = await this.#fallback?.catch(() => undefined);
    if (fallback !== undefined) await rm(fallback, { recursive: true, force: true });
    await this.#own.remove();
  }

  async #folder(): Promise<string> {
    if (this.#fallback === undefined && (await this.#isSafe())) return await this.#own.path();
    // Another user has made the directory: what it has is not left behind by this program.
    this.#fallback ??= mkdtemp(join(tmpdir(), "modelport-verified-"));
    return await this.#fallback;
  }

  /** Whether no other user can put another folder in the place of ours. */
  async #isSafe(): Promise<boolean> {
    if (this.#guarded === undefined) return true;
    try {
      await mkdir(this.#guarded, { recursive: true, mode: 0o700 });
      const found = await lstat(this.#guarded);
      const isOurs = process.getuid === undefined || found.uid === process.getuid();
      return found.isDirectory() && isOurs && (found.mode & writableByOthers) === 0;
    } catch {
      return false;
    }
  }
}

/** The directory for copies if the operator has not chosen one. */
export function usualCopyDirectory(): string {
  const user = process.getuid?.();
  return join(tmpdir(), user === undefined ? "modelport-verified" : `modelport-verified-${user}`);
}

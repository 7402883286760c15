import { copyFile, link, readdir, rename, rm, stat, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { EntryLink } from "./translation-files.ts";

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

export interface TranslationStoreOptions {
  /** Absolute. Several runtimes may share it. Absent: the own folder. */
  readonly directory?: string;
  /** Of all entries together; 0: nothing is kept. */
  readonly limitBytes: number;
  /** In `directory`, so that links can be made. */
  readonly own: OwnFolder;
}

/** Looking at all entries takes long where there are many, so a full directory is left with room for some. */
const leftShare = 0.9;
/** Other runtimes may add as much meanwhile. */
const likelyRuntimes = 4;

const suffix = ".onnx";
const entryName = /^[0-9a-f]{64}\.onnx$/;

/** One directory of translated files. An entry is a file named by its key. Whoever loads one makes a link to it in
 *  the folder of its own process: the number of links tells all runtimes whether an entry is in use, and what
 *  happens to the entry does not affect its users. */
export class TranslationStore {
  /** For the log. */
  readonly directory: string;
  readonly #entries: () => Promise<string>;
  readonly #isShared: boolean;
  readonly #limitBytes: number;
  readonly #own: OwnFolder;
  #lastFile = 0;
  /** Whether the own folder was made. */
  #hasOwn = false;
  /** Whether entries that were in use have left too little room. */
  #isOver = false;
  /** Of all entries when they were last looked at; undefined before. */
  #seenBytes: number | undefined;
  /** Of those that were kept since. */
  #addedBytes = 0;

  constructor({ directory, limitBytes, own }: TranslationStoreOptions) {
    this.directory = directory ?? own.parent;
    this.#isShared = directory !== undefined;
    this.#entries = directory === undefined ? () => own.path() : async () => directory;
    this.#limitBytes = limitBytes;
    this.#own = own;
  }

  /** The path of a new file in the own folder; nothing is there yet. Rejects if there can be no such folder. */
  async place(): Promise<string> {
    // A mistake in a setting, or a volume that is not there yet, must not become a directory of ours.
    if (this.#isShared && !this.#hasOwn) await stat(dirname(this.directory));
    const own = await this.#own.path();
    this.#hasOwn = true;
    return join(own, `${++this.#lastFile}${suffix}`);
  }

  /** Where the entry is, if there is one, and where an own link to it goes. Undefined if there can be none. */
  async linkOf(key: string): Promise<EntryLink | undefined> {
    try {
      return { entry: await this.#entryOf(key), path: await this.place() };
    } catch {
      return undefined;
    }
  }

  /** Makes the file at `path` the entry, in place of a former one. Then removes others if there are too many.
   *  Rejects if that is not possible; the file stays where it is. */
  async keep(key: string, path: string): Promise<void> {
    const { size } = await stat(path);
    if (size > this.#limitBytes) return;
    const draft = await this.place();
    await linkOrCopy(path, draft);
    await rename(draft, await this.#entryOf(key)).catch(async (error: unknown) => {
      await this.remove(draft);
      throw error;
    });
    // Renaming a link to another one of the same file does nothing.
    await rm(draft, { force: true });
    this.#addedBytes += size;
    const seenBytes = this.#seenBytes ?? Number.POSITIVE_INFINITY;
    if (seenBytes + likelyRuntimes * this.#addedBytes > this.#limitBytes) {
      await this.shrinkTo(this.#limitBytes);
    }
  }

  /** If all entries together have more than `bytes`, removes some that no one uses, the longest unused first, until there
   *  is room for others. */
  async shrinkTo(bytes: number): Promise<void> {
    const directory = await this.#entries().catch(() => "");
    const names = directory === "" ? [] : await readdir(directory).catch(() => []);
    const found = names
      .filter((name) => entryName.test(name))
      .map(async (name) => {
        const path = join(directory, name);
        // A link that is made or removed changes the ctime: it is the time of the last use.
        const { size, ctimeMs, nlink } = await stat(path);
        return { path, size, ctimeMs, isUsed: nlink > 1 };
      });
    const settled = await Promise.allSettled(found);
    const entries = settled.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
    let total = entries.reduce((sum, { size }) => sum + size, 0);
    const wantedBytes = total > bytes ? leftShare * bytes : bytes;
    for (const { path, size, isUsed } of entries.sort((a, b) => a.ctimeMs - b.ctimeMs)) {
      if (total <= wantedBytes) break;
      if (isUsed) continue;
      await unlink(path).catch(() => {});
      total -= size;
    }
    this.#isOver = total > bytes;
    this.#seenBytes = total;
    this.#addedBytes = 0;
  }

  /** Removes the entry. */
  async drop(key: string): Promise<void> {
    await rm(await this.#entryOf(key), { force: true }).catch(() => {});
  }

  /** Removes a file of the own folder, and entries if too many were in use before. */
  async remove(path: string): Promise<void> {
    await unlink(path).catch(() => {});
    if (this.#isOver) await this.shrinkTo(this.#limitBytes);
  }

  async removeLeftovers(): Promise<void> {
    await this.#own.removeOthers();
  }

  async close(): Promise<void> {
    await this.#own.remove();
  }

  async #entryOf(key: string): Promise<string> {
    return join(await this.#entries(), `${key}${suffix}`);
  }
}

/** As `linkEntry`. */
async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") throw error;
    await copyFile(from, to);
  }
}

import { mkdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { abortable } from "../base/abort.ts";
import { describeError, RuntimeError } from "../base/errors.ts";
import { Slots } from "../base/slots.ts";
import type { Logger } from "../observe/log.ts";
import { unpackArchive } from "./archives/unpack-archive.ts";
import { UnpackedTree } from "./archives/unpacked-tree.ts";
import type { RemoteFile, RemoteStorage } from "./contract/remote-storage.ts";
import { ObjectChangedError, toDiskError, toPullFolderError } from "./contract/store-errors.ts";
import { DiskBudget, type DiskUse } from "./disk-budget.ts";
import { transferFile } from "./file-transfer.ts";
import { localVersion } from "./local-archive.ts";
import { ProcessFolder } from "./process-folder.ts";

export interface PullProgress {
  /** Bytes of the store that are on disk, or were unpacked from there. */
  readonly receivedBytes: number;
  /** Undefined until the store reports it. */
  readonly totalBytes: number | undefined;
}

/** The listed files, and the store that has them. */
export interface PullPlan {
  /** The same for the same bytes in the same place. */
  readonly digest: string;
  readonly files: readonly RemoteFile[];
  /** Handed over: closed when it is no longer needed. */
  readonly storage: RemoteStorage;
}

export interface PullListener {
  readonly signal: AbortSignal;
  /** Called when bytes have arrived; must not throw. */
  readonly onProgress: (progress: PullProgress) => void;
}

/** Files on the local disk that stay as long as they are in use. */
export interface CachedFiles {
  readonly directory: string;
  readonly sizeBytes: number;
  /** Ends this use. If it was the last one, resolves when the files are gone. Never rejects; idempotent. */
  release(): Promise<void>;
}

interface Entry {
  readonly plan: PullPlan;
  readonly totalBytes: number | undefined;
  readonly abort: AbortController;
  readonly watchers: Set<PullListener["onProgress"]>;
  /** The directory, once it is complete. Rejects when nothing of a failed pull is left. */
  filled: Promise<string>;
  readonly gone: PromiseWithResolvers<void>;
  use: DiskUse | undefined;
  receivedBytes: number;
  users: number;
  isEnding: boolean;
}

/** Pulled files, each content once, however many models use it. */
export class PullCache {
  readonly #directory: string;
  readonly #folder: ProcessFolder;
  readonly #budget: DiskBudget;
  readonly #slots: Slots;
  readonly #idleTimeoutMs: number;
  readonly #unpackLimitBytes: number;
  readonly #log: Logger;
  readonly #entries = new Map<string, Entry>();

  /** `directory`: may be shared with other processes. `concurrency`: files that are pulled in parallel. */
  constructor(options: {
    readonly directory: string;
    readonly limitBytes: number;
    readonly concurrency: number;
    readonly idleTimeoutMs: number;
    /** Bytes that one archive may unpack to. */
    readonly unpackLimitBytes: number;
    readonly log: Logger;
  }) {
    this.#directory = options.directory;
    this.#folder = new ProcessFolder(options.directory);
    this.#budget = new DiskBudget(options.directory, options.limitBytes);
    this.#slots = new Slots(options.concurrency);
    this.#idleTimeoutMs = options.idleTimeoutMs;
    this.#unpackLimitBytes = options.unpackLimitBytes;
    this.#log = options.log;
  }

  /** Disk space that models take, present and reserved. */
  get reservedBytes(): number {
    return this.#budget.reservedBytes;
  }

  /** Removes what ended processes left behind. */
  removeLeftovers(): Promise<void> {
    return this.#folder.removeOthers();
  }

  /** Ends everything; nothing stays on disk. */
  async close(reason: RuntimeError): Promise<void> {
    const entries = [...this.#entries.values()];
    for (const { abort } of entries) abort.abort(reason);
    await Promise.all(entries.map(({ filled }) => filled.catch(() => {})));
    await this.#folder.remove();
  }

  /** The files of `plan`: pulled now, or shared with others that have or pull them. The transfer stops when the
   *  last waiting party gives up. Rejects when nothing of it is left, with the signal's reason or a
   *  RuntimeError. */
  async acquire(plan: PullPlan, { signal, onProgress }: PullListener): Promise<CachedFiles> {
    const entry = await this.#join(plan, signal);
    entry.watchers.add(onProgress);
    report(entry);
    try {
      const directory = await abortable(entry.filled, signal);
      return {
        directory,
        sizeBytes: entry.use?.writtenBytes ?? 0,
        release: once(() => this.#leave(entry, undefined)),
      };
    } catch (error) {
      await this.#leave(entry, error);
      throw error;
    } finally {
      entry.watchers.delete(onProgress);
    }
  }

  async #join(plan: PullPlan, signal: AbortSignal): Promise<Entry> {
    try {
      let entry = this.#entries.get(plan.digest);
      while (entry?.isEnding) {
        await abortable(entry.gone.promise, signal);
        entry = this.#entries.get(plan.digest);
      }
      if (entry === undefined) return this.#add(plan);
      entry.users++;
      plan.storage.close();
      return entry;
    } catch (error) {
      plan.storage.close();
      throw error;
    }
  }

  #add(plan: PullPlan): Entry {
    const entry: Entry = {
      plan,
      totalBytes: sumOf(plan.files),
      abort: new AbortController(),
      watchers: new Set(),
      filled: Promise.resolve(""),
      gone: Promise.withResolvers(),
      use: undefined,
      receivedBytes: 0,
      users: 1,
      isEnding: false,
    };
    this.#entries.set(plan.digest, entry);
    entry.filled = this.#fill(entry).catch((error: unknown) => {
      // A later request starts a new pull.
      entry.isEnding = true;
      throw error;
    });
    entry.filled.catch(() => {});
    return entry;
  }

  async #leave(entry: Entry, reason: unknown): Promise<void> {
    entry.users--;
    if (entry.users > 0) return;
    entry.isEnding = true;
    entry.abort.abort(reason);
    const directory = await entry.filled.catch(() => undefined);
    if (directory !== undefined) await this.#removeFiles(directory);
    if (entry.use !== undefined) this.#budget.release(entry.use);
    this.#entries.delete(entry.plan.digest);
    entry.gone.resolve();
  }

  async #fill(entry: Entry): Promise<string> {
    const { digest, storage } = entry.plan;
    let own: string | undefined;
    try {
      own = await this.#folder.path().catch((error: unknown) => {
        throw toPullFolderError(error, this.#directory);
      });
      const places = {
        incoming: join(own, `incoming-${digest}`),
        packed: join(own, `packed-${digest}`),
      };
      const content = join(own, `content-${digest}`);
      entry.use = await this.#budget.reserve(entry.totalBytes ?? 0);
      await this.#transfer(entry, places);
      await this.#unpack(entry, places);
      await rename(places.incoming, content);
      return content;
    } catch (error) {
      if (own !== undefined) {
        await this.#removeFiles(join(own, `incoming-${digest}`));
        await this.#removeFiles(join(own, `packed-${digest}`));
      }
      throw error;
    } finally {
      storage.close();
    }
  }

  async #transfer(entry: Entry, places: Places): Promise<void> {
    const { plan, use } = entry;
    const failed = new AbortController();
    const signal = AbortSignal.any([entry.abort.signal, failed.signal]);
    const files = plan.files.filter(({ localPath }) => localPath === undefined);
    await makeFolders(
      places.incoming,
      plan.files.filter(({ archive }) => archive === undefined),
    );
    await makeFolders(
      places.packed,
      files.filter(({ archive }) => archive !== undefined),
    );
    const transfers = files.map((file) =>
      this.#slots.run(signal, () =>
        transferFile(plan.storage, file, pathOf(file, places), {
          signal,
          idleTimeoutMs: this.#idleTimeoutMs,
          onBytes: (bytes) => {
            entry.receivedBytes += bytes;
            if (use !== undefined) this.#budget.write(use, bytes);
            report(entry);
          },
          onRetry: (reason) =>
            this.#log.warn(
              { origin: plan.storage.origin, file: file.key, reason: describeError(reason) },
              "transfer attempt failed",
            ),
        }),
      ),
    );
    for (const transfer of transfers) transfer.catch((error: unknown) => failed.abort(error));
    // Waits for all of them: writers must have ended before the files are removed.
    await Promise.allSettled(transfers);
    signal.throwIfAborted();
  }

  /** Replaces archives by what they hold. */
  async #unpack({ plan, use, abort }: Entry, places: Places): Promise<void> {
    const archives = plan.files.filter(({ archive }) => archive !== undefined);
    if (archives.length === 0) return;
    const { signal } = abort;
    const onBytes = (bytes: number) => {
      if (use !== undefined) this.#budget.write(use, bytes);
    };
    const tree = new UnpackedTree(places.incoming, onBytes);
    await mkdir(places.incoming, { recursive: true });
    for (const file of archives) {
      if (file.archive === undefined) continue;
      const path = pathOf(file, places);
      const options = { signal, what: file.key, limitBytes: this.#unpackLimitBytes };
      await unpackArchive(path, file.archive, tree, options);
      if (file.localPath !== undefined) {
        if ((await localVersion(path)) === file.version) continue;
        throw new ObjectChangedError(path);
      }
      const { size } = await stat(path);
      await this.#removeFiles(path);
      onBytes(-size);
    }
    await this.#removeFiles(places.packed);
    if (use !== undefined) this.#budget.settle(use);
    if (tree.fileCount > 0 || archives.length < plan.files.length) return;
    const { below } = archives[0]?.archive ?? { below: "" };
    const where = below === "" ? "" : ` in /${below}`;
    throw new RuntimeError(
      "failed-precondition",
      `${plan.storage.origin} has no files${where}, expected those of a model`,
    );
  }

  async #removeFiles(directory: string): Promise<void> {
    try {
      await rm(directory, { recursive: true, force: true, maxRetries: 3 });
    } catch (error) {
      this.#log.error({ directory, reason: describeError(error) }, "pulled files not removed");
    }
  }
}

/** Where the files of one pull are until it is complete. */
interface Places {
  /** The model's own files. */
  readonly incoming: string;
  /** Archives that are still to be unpacked. */
  readonly packed: string;
}

function pathOf({ name, archive, localPath }: RemoteFile, places: Places): string {
  return localPath ?? join(archive === undefined ? places.incoming : places.packed, name);
}

async function makeFolders(directory: string, files: readonly RemoteFile[]): Promise<void> {
  const folders = new Set(files.map(({ name }) => dirname(join(directory, name))));
  try {
    for (const folder of folders) await mkdir(folder, { recursive: true });
  } catch (error) {
    throw toDiskError(error, directory);
  }
}

function report({ totalBytes, receivedBytes, watchers }: Entry): void {
  for (const watcher of watchers) watcher({ receivedBytes, totalBytes });
}

function sumOf(files: readonly RemoteFile[]): number | undefined {
  let sum = 0;
  for (const { sizeBytes } of files) {
    if (sizeBytes === undefined) return undefined;
    sum += sizeBytes;
  }
  return sum;
}

function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => {
    done ??= work();
    return done;
  };
}

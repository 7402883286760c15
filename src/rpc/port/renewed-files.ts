import { stat } from "node:fs/promises";
import type { Logger } from "pino";
import { describeError, RuntimeError } from "../../base/errors.ts";
import { readRegularFile } from "../../base/files/regular-file.ts";

// A check costs one stat call per file.
const defaultIntervalMs = 1_000;

/** Files that belong together, such as a certificate and its key, and are replaced while the server runs. They
 *  are checked by name once a second, which also detects changes that inotify misses: the links that Kubernetes
 *  swaps, and files on network disks. */
export class RenewedFiles {
  readonly #paths: readonly string[];
  readonly #use: (contents: readonly Buffer[]) => void;
  readonly #intervalMs: number;
  readonly #log: Logger;
  #marks = "";
  #failure = "";
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  /** `use` takes the contents, in the order of `paths`, or throws if they are unusable. */
  constructor(parts: {
    readonly paths: readonly string[];
    readonly use: (contents: readonly Buffer[]) => void;
    readonly log: Logger;
    readonly intervalMs?: number | undefined;
  }) {
    this.#paths = parts.paths;
    this.#use = parts.use;
    this.#log = parts.log;
    this.#intervalMs = parts.intervalMs ?? defaultIntervalMs;
  }

  /** Reads the files, now and whenever they change. Rejects with "failed-precondition" if they are unusable. If
   *  files become unusable later, that is logged and the previous contents stay in use. */
  async open(): Promise<void> {
    try {
      this.#marks = await this.#read();
    } catch (cause) {
      const message = `${this.#paths.join(", ")}: ${describeError(cause)}`;
      throw new RuntimeError("failed-precondition", message, { cause });
    }
    this.#plan();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #plan(): void {
    if (this.#closed) return;
    this.#timer = setTimeout(() => void this.#look(), this.#intervalMs).unref();
  }

  async #look(): Promise<void> {
    try {
      // Failed files are tried again even without a change: they may have been half written.
      if (this.#failure !== "" || (await this.#currentMarks()) !== this.#marks) {
        this.#marks = await this.#read();
        this.#failure = "";
        this.#log.info({ paths: this.#paths }, "credentials reloaded");
      }
    } catch (error) {
      const failure = describeError(error);
      if (failure !== this.#failure) {
        const facts = { paths: this.#paths, reason: failure };
        this.#log.error(facts, "credentials not reloaded, the old ones stay in use");
      }
      this.#failure = failure;
    }
    this.#plan();
  }

  /** Taken before the files are read: changes during the read are noticed at the next check. */
  async #read(): Promise<string> {
    const marks = await this.#currentMarks();
    this.#use(await Promise.all(this.#paths.map(readRegularFile)));
    return marks;
  }

  async #currentMarks(): Promise<string> {
    const stats = await Promise.all(this.#paths.map((path) => stat(path, { bigint: true })));
    return stats
      .map(({ dev, ino, size, mtimeNs, ctimeNs }) => [dev, ino, size, mtimeNs, ctimeNs].join())
      .join(";");
  }
}

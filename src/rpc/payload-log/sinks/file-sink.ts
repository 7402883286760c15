import { constants, type FileHandle, mkdir, open, readdir, stat, unlink } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { describeError } from "../../../base/errors.ts";
import type { PayloadSink } from "../../../config/payload-log/payload-log-settings.ts";
import { type CloudEvent, structuredMode } from "../events/cloud-event.ts";
import type { Outcome, Sink } from "./delivery.ts";

type FileSettings = Extract<PayloadSink, { kind: "files" }>;

/** Lines that wait are written together, up to so many. */
const batchEvents = 256;
const ownFile = /^payloads-.*\.jsonl$/;
const fullDisk = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);

/** Writes events to files, one line each, in JSON. A file of the size that is set is followed by the next, and the
 *  oldest are deleted when all of them take too much. Lines are whole: what could not be written is cut off again. */
export class FileSink implements Sink {
  /** Files have one writer. */
  readonly senders = 1;
  readonly batch: Sink["batch"] = { events: batchEvents, delayMs: 0 };
  readonly #settings: FileSettings;
  #file: { readonly handle: FileHandle; readonly name: string } | undefined;
  #fileBytes = 0;
  #number = 0;
  readonly #startMs = Date.now();

  constructor(settings: FileSettings) {
    this.#settings = settings;
  }

  async deliver(events: readonly CloudEvent[]): Promise<Outcome> {
    const lines = Buffer.from(events.map((event) => `${structuredMode(event)}\n`).join(""));
    try {
      await this.#makeRoom(lines.length);
      await this.#write(lines);
      return { tag: "delivered" };
    } catch (error) {
      // A new one is begun: this one may be gone, or on a disk that is.
      await this.#endFile().catch(() => undefined);
      const code = (error as NodeJS.ErrnoException).code ?? "";
      const drop = fullDisk.has(code) ? "disk_full" : "sink_failed";
      return { tag: "failed", drop, reason: `${this.#settings.folder}: ${describeError(error)}` };
    }
  }

  async close(): Promise<void> {
    await this.#endFile();
  }

  async #write(lines: Buffer): Promise<void> {
    const file = await this.#openFile();
    const start = this.#fileBytes;
    try {
      for (let at = 0; at < lines.length; ) {
        const { bytesWritten } = await file.handle.write(lines, at, lines.length - at, start + at);
        at += bytesWritten;
      }
      this.#fileBytes += lines.length;
    } catch (error) {
      // Not in bits of lines, and whoever reads may have seen only whole ones.
      await file.handle.truncate(start).catch(() => undefined);
      throw error;
    }
  }

  async #openFile(): Promise<{ readonly handle: FileHandle; readonly name: string }> {
    if (this.#file !== undefined) return this.#file;
    const { folder } = this.#settings;
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const time = new Date(this.#startMs).toISOString().replaceAll(/[:.]/g, "-");
    const number = String(++this.#number).padStart(6, "0");
    const name = `payloads-${time}-${hostname()}-${process.pid}-${number}.jsonl`;
    const flags = constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | constants.O_NOFOLLOW;
    const handle = await open(join(folder, name), flags, 0o600);
    this.#file = { handle, name };
    this.#fileBytes = 0;
    return this.#file;
  }

  /** A file that is full is ended, and the oldest ones are deleted, for `bytes` more. */
  async #makeRoom(bytes: number): Promise<void> {
    const { fileBytes, folderBytes } = this.#settings;
    const isFull = this.#fileBytes > 0 && this.#fileBytes + bytes > fileBytes;
    if (isFull) await this.#endFile();
    if (this.#file !== undefined) return;
    // The next file may become as large as any.
    await this.#deleteDownTo(folderBytes - Math.max(fileBytes, bytes));
  }

  async #deleteDownTo(maxBytes: number): Promise<void> {
    const { folder } = this.#settings;
    const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return [];
      throw error;
    });
    const files: { readonly path: string; readonly sizeBytes: number; readonly timeMs: number }[] =
      [];
    for (const name of names.filter((each) => ownFile.test(each))) {
      const path = join(folder, name);
      const found = await stat(path).catch(() => undefined);
      if (found?.isFile()) files.push({ path, sizeBytes: found.size, timeMs: found.mtimeMs });
    }
    files.sort((one, other) => one.timeMs - other.timeMs || (one.path < other.path ? -1 : 1));
    let sum = files.reduce((bytes, { sizeBytes }) => bytes + sizeBytes, 0);
    for (const { path, sizeBytes } of files) {
      if (sum <= maxBytes) return;
      await unlink(path);
      sum -= sizeBytes;
    }
  }

  async #endFile(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    if (file === undefined) return;
    const isEmpty = this.#fileBytes === 0;
    this.#fileBytes = 0;
    await file.handle.sync().catch(() => undefined);
    await file.handle.close();
    if (isEmpty) await unlink(join(this.#settings.folder, file.name));
  }
}

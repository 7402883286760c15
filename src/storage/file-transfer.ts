import { type FileHandle, open } from "node:fs/promises";
import { RuntimeError } from "../base/errors.ts";
import { createHasher } from "./contract/checksum.ts";
import type {
  Checksum,
  Hasher,
  RemoteBody,
  RemoteFile,
  RemoteStorage,
} from "./contract/remote-storage.ts";
import { isMissing, ObjectChangedError, toDiskError } from "./contract/store-errors.ts";
import { RetryPolicy } from "./retry.ts";

export interface TransferOptions {
  readonly signal: AbortSignal;
  /** Reports bytes that were written; negative if written bytes must be fetched again. Throws to stop. */
  readonly onBytes: (bytes: number) => void;
  readonly onRetry: (reason: RuntimeError) => void;
  /** How long no data may arrive. */
  readonly idleTimeoutMs: number;
}

/** A file that is corrupt at its source stays corrupt. */
const maxCorruptions = 3;

/** Copies one remote file to `path`, which must not exist. A broken transfer resumes where it ended; size and
 *  checksum are verified. Holds a few buffers of the size that the store sends, never the file. Rejects with
 *  the signal's reason or a RuntimeError, and then leaves a partial file. */
export async function transferFile(
  storage: RemoteStorage,
  file: RemoteFile,
  path: string,
  options: TransferOptions,
): Promise<void> {
  const retry = new RetryPolicy(options.signal, options.onRetry);
  const target = await open(path, "wx").catch((error: unknown) => {
    throw toDiskError(error, path);
  });
  const copy = new PartialCopy(target, file, options);
  try {
    for (;;) {
      try {
        const body = await storage.open(file, copy.sizeBytes, options.signal);
        await copy.take(body, () => retry.noteProgress());
        return;
      } catch (error) {
        await copy.discardIfComplete();
        // The file was listed a moment ago.
        await retry.failed(isMissing(error) ? new ObjectChangedError(file.key) : error, file.key);
      }
    }
  } finally {
    await target.close();
  }
}

/** The part of a file that has arrived. */
class PartialCopy {
  readonly #target: FileHandle;
  readonly #file: RemoteFile;
  readonly #options: TransferOptions;
  /** Of the file so far, once the store has named its checksum. */
  #hasher: Hasher | undefined;
  #checksum: Checksum | undefined;
  #sizeBytes = 0;
  #corruptions = 0;

  constructor(target: FileHandle, file: RemoteFile, options: TransferOptions) {
    this.#target = target;
    this.#file = file;
    this.#options = options;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Reads `body` to its end, which must be the end of the file. Otherwise throws, and keeps what has arrived. */
  async take(body: RemoteBody, onProgress: () => void): Promise<void> {
    const { bytes } = body;
    const watch = new StallLimit(bytes, this.#options);
    try {
      if (body.offset !== this.#sizeBytes) await this.#startOver(body.offset);
      if (this.#sizeBytes === 0) this.#expect(body.checksum);
      for await (const chunk of bytes) {
        watch.pause();
        await this.#append(chunk);
        onProgress();
        watch.resume();
      }
      // A body that was destroyed without an error looks like one that has ended.
      watch.throwIfStopped();
    } finally {
      watch.end();
      bytes.destroy();
    }
    await this.#verify();
  }

  #expect(checksum: Checksum | undefined): void {
    this.#checksum = checksum;
    this.#hasher = checksum === undefined ? undefined : createHasher(checksum);
  }

  async #append(chunk: Uint8Array): Promise<void> {
    const { sizeBytes: expected, key } = this.#file;
    if (expected !== undefined && this.#sizeBytes + chunk.length > expected) {
      throw new ObjectChangedError(key);
    }
    this.#options.onBytes(chunk.length);
    try {
      let written = 0;
      while (written < chunk.length) {
        const position = this.#sizeBytes + written;
        const { bytesWritten } = await this.#target.write(chunk, written, undefined, position);
        written += bytesWritten;
      }
    } catch (error) {
      throw toDiskError(error, key);
    }
    this.#hasher?.update(chunk);
    this.#sizeBytes += chunk.length;
  }

  /** Everything arrived and an error was thrown nevertheless: the client library does not trust the bytes. */
  async discardIfComplete(): Promise<void> {
    if (this.#sizeBytes > 0 && this.#sizeBytes === this.#file.sizeBytes) await this.#startOver(0);
  }

  async #verify(): Promise<void> {
    const { sizeBytes: expected, key } = this.#file;
    if (expected !== undefined && this.#sizeBytes < expected) {
      throw new RuntimeError(
        "temporarily-unavailable",
        `${key} broke off after ${this.#sizeBytes} of ${expected} bytes`,
      );
    }
    if (this.#checksum === undefined || this.#hasher === undefined) return;
    const { algorithm, digest } = this.#checksum;
    const found = await this.#hasher.digest();
    if (found === digest) return;
    this.#corruptions++;
    await this.#startOver(0);
    throw new RuntimeError(
      this.#corruptions < maxCorruptions ? "temporarily-unavailable" : "failed-precondition",
      `${key} has the ${algorithm} checksum ${found}, expected ${digest}`,
    );
  }

  async #startOver(offset: number): Promise<void> {
    if (offset !== 0) throw new ObjectChangedError(this.#file.key);
    await this.#target.truncate(0);
    this.#options.onBytes(-this.#sizeBytes);
    this.#sizeBytes = 0;
  }
}

/** Ends a body when its reader gives up, or when no data arrives for too long. */
class StallLimit {
  readonly #bytes: RemoteBody["bytes"];
  readonly #signal: AbortSignal;
  readonly #idleTimeoutMs: number;
  readonly #onAbort = () => this.#bytes.destroy();
  #timer: NodeJS.Timeout | undefined;
  #stalled = false;

  constructor(
    bytes: RemoteBody["bytes"],
    { signal, idleTimeoutMs }: Pick<TransferOptions, "signal" | "idleTimeoutMs">,
  ) {
    this.#bytes = bytes;
    this.#signal = signal;
    this.#idleTimeoutMs = idleTimeoutMs;
    signal.addEventListener("abort", this.#onAbort);
    if (signal.aborted) bytes.destroy();
    this.resume();
  }

  /** Our own disk may be slow. */
  pause(): void {
    clearTimeout(this.#timer);
  }

  resume(): void {
    this.#timer = setTimeout(() => {
      this.#stalled = true;
      this.#bytes.destroy();
    }, this.#idleTimeoutMs);
  }

  throwIfStopped(): void {
    this.#signal.throwIfAborted();
    if (!this.#stalled) return;
    throw new RuntimeError(
      "temporarily-unavailable",
      `no data arrived for ${this.#idleTimeoutMs} ms`,
    );
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#signal.removeEventListener("abort", this.#onAbort);
  }
}

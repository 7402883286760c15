import { randomUUID } from "node:crypto";
import { closeSync, ftruncateSync, openSync, readSync, unlinkSync, writevSync } from "node:fs";
import { join } from "node:path";

/** Where Linux keeps files that are nothing but memory. */
const memoryFolder = "/dev/shm";
/** Two of the largest payloads: one that runs and one that waits. */
const capacityBytes = 8 * 1024 * 1024;
/** Writing this much at once on the event loop takes less than a millisecond. */
const maxPayloadBytes = 4 * 1024 * 1024;
/** Below this size the socket takes the payload at once, whatever its reader does. */
const minPayloadBytes = 64 * 1024;
/** For one payload that runs and one that waits. */
const mostIdleBuffers = 2;
/** Buffer sizes are rounded to this, so that payloads of similar size share them. */
const stepBytes = 64 * 1024;
/** A host without large payloads for this long gives the memory back. */
const idleMs = 5_000;

/** A payload that stays in an arena until it is released. */
export interface StoredPayload {
  readonly offset: number;
  readonly sizeBytes: number;
  /** Call once, when the other end has read it. */
  release(): void;
}

interface Region extends StoredPayload {
  isReleased: boolean;
}

/** Memory in which one process leaves payloads for another: an unnamed file that both have open. A host that
 *  computes does not read, and its socket holds a fifth of a megabyte: without the arena, a large payload
 *  would only begin to travel when the host is idle and waits for it. */
export class PayloadArena {
  /** For the other process, which inherits it. */
  readonly fd: number;
  /** A ring: payloads in use follow each other, oldest first. */
  readonly #regions: Region[] = [];
  #nextOffset = 0;
  #usedToBytes = 0;
  #isClosed = false;
  #idleTimer: NodeJS.Timeout | undefined;

  private constructor(fd: number) {
    this.fd = fd;
  }

  /** Undefined where the system has no such memory; then payloads take the socket. */
  static open(): PayloadArena | undefined {
    const path = join(memoryFolder, `modelport-${randomUUID()}`);
    try {
      const fd = openSync(path, "wx+", 0o600);
      unlinkSync(path);
      return new PayloadArena(fd);
    } catch {
      return undefined;
    }
  }

  /** Copies a payload. Undefined if it is too small to be worth it, too large, or there is no room now. */
  store(chunks: readonly Uint8Array[], sizeBytes: number): StoredPayload | undefined {
    if (this.#isClosed || sizeBytes < minPayloadBytes || sizeBytes > maxPayloadBytes) {
      return undefined;
    }
    const offset = this.#findRoom(sizeBytes);
    if (offset === undefined || !this.#write(chunks, sizeBytes, offset)) return undefined;
    const region: Region = {
      offset,
      sizeBytes,
      isReleased: false,
      release: () => this.#release(region),
    };
    this.#regions.push(region);
    this.#nextOffset = offset + sizeBytes;
    this.#usedToBytes = Math.max(this.#usedToBytes, this.#nextOffset);
    clearTimeout(this.#idleTimer);
    this.#idleTimer = undefined;
    return region;
  }

  /** Idempotent. For this process, all stored payloads are gone. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#idleTimer);
    closeSync(this.fd);
  }

  #findRoom(sizeBytes: number): number | undefined {
    const [oldest] = this.#regions;
    // Starts over whenever nothing is stored: the same few pages are reused.
    if (oldest === undefined) return 0;
    const next = this.#nextOffset;
    if (next > oldest.offset) {
      if (next + sizeBytes <= capacityBytes) return next;
      return sizeBytes <= oldest.offset ? 0 : undefined;
    }
    return next + sizeBytes <= oldest.offset ? next : undefined;
  }

  #write(chunks: readonly Uint8Array[], sizeBytes: number, offset: number): boolean {
    try {
      return writevSync(this.fd, chunks, offset) === sizeBytes;
    } catch {
      // No space left: the file system may be small.
      return false;
    }
  }

  #release(region: Region): void {
    region.isReleased = true;
    while (this.#regions[0]?.isReleased) this.#regions.shift();
    if (this.#regions.length > 0 || this.#isClosed) return;
    this.#idleTimer ??= setTimeout(() => this.#giveBack(), idleMs).unref();
  }

  #giveBack(): void {
    this.#idleTimer = undefined;
    if (this.#regions.length > 0 || this.#usedToBytes === 0) return;
    this.#usedToBytes = 0;
    ftruncateSync(this.fd, 0);
  }
}

/** The other end of an arena. It reads into buffers that are reused: a new one of this size costs a page
 *  fault for every 4 KiB, which take a tenth of the time of a run of a few milliseconds. */
export class StoredPayloads {
  readonly #fd: number;
  #idle: ArrayBuffer[] = [];

  /** `fd`: the arena's. */
  constructor(fd: number) {
    this.#fd = fd;
  }

  /** In a buffer of its own. Throws Error if there is no such payload. */
  read({
    offset,
    sizeBytes,
  }: Pick<StoredPayload, "offset" | "sizeBytes">): Uint8Array<ArrayBuffer> {
    const isPlace = Number.isSafeInteger(offset) && Number.isSafeInteger(sizeBytes) && offset >= 0;
    if (!isPlace || sizeBytes < minPayloadBytes || sizeBytes > maxPayloadBytes) {
      throw new Error("a payload outside the arena");
    }
    const payload = new Uint8Array(this.#takeBuffer(sizeBytes), 0, sizeBytes);
    if (readSync(this.#fd, payload, 0, sizeBytes, offset) !== sizeBytes) {
      throw new Error("a truncated payload");
    }
    return payload;
  }

  /** Call at most once, when no one reads the payload any more, or never. Payloads that came another way are
   *  ignored. */
  giveBack({ buffer }: Uint8Array<ArrayBuffer>): void {
    const isUsual = buffer.byteLength >= minPayloadBytes && buffer.byteLength <= maxPayloadBytes;
    if (isUsual && this.#idle.length < mostIdleBuffers) this.#idle.push(buffer);
  }

  /** Drops every buffer that is not in use. */
  letGo(): void {
    this.#idle = [];
  }

  #takeBuffer(sizeBytes: number): ArrayBuffer {
    const capacityBytes = Math.ceil(sizeBytes / stepBytes) * stepBytes;
    const found = this.#idle.findIndex(({ byteLength }) => byteLength === capacityBytes);
    const [idle] = found < 0 ? [] : this.#idle.splice(found, 1);
    if (idle !== undefined) return idle;
    // A buffer of another size makes way: the next payload will probably have this size.
    this.#idle.shift();
    return Buffer.allocUnsafeSlow(capacityBytes).buffer;
  }
}

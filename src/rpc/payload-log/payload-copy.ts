import type { Pieces } from "./call-record.ts";
import type { EventQueue } from "./event-queue.ts";

/** The start of one payload, kept as it comes. */
export interface PayloadCopy extends Pieces {
  /** Of the payload, the part that is not kept included. */
  readonly wholeBytes: number;
  /** There was no room for it. */
  readonly isDropped: boolean;
  add(chunk: Uint8Array): void;
  /** Gives its room back, and forgets its pieces: read them before. */
  letGo(): void;
}

/** For what stays valid until the call is over, and whose memory is counted elsewhere. */
export class SharedPayload implements PayloadCopy {
  readonly pieces: Uint8Array[] = [];
  readonly isDropped = false;
  sizeBytes = 0;
  wholeBytes = 0;
  readonly #maxBytes: number;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  add(chunk: Uint8Array): void {
    this.wholeBytes += chunk.length;
    const room = this.#maxBytes - this.sizeBytes;
    if (room <= 0 || chunk.length === 0) return;
    const kept = chunk.length > room ? chunk.subarray(0, room) : chunk;
    this.pieces.push(kept);
    this.sizeBytes += kept.length;
  }

  letGo(): void {}
}

const leastBytes = 1024;

/** For what is gone or changed after `add`: a copy, within the room of the queue. One buffer, since a body may come in
 *  pieces of one byte. */
export class CopiedPayload implements PayloadCopy {
  isDropped = false;
  sizeBytes = 0;
  wholeBytes = 0;
  readonly #queue: EventQueue;
  readonly #maxBytes: number;
  #buffer: Buffer = Buffer.alloc(0);

  constructor(queue: EventQueue, maxBytes: number) {
    this.#queue = queue;
    this.#maxBytes = maxBytes;
  }

  get pieces(): readonly Uint8Array[] {
    return this.sizeBytes === 0 ? [] : [this.#buffer.subarray(0, this.sizeBytes)];
  }

  add(chunk: Uint8Array): void {
    this.wholeBytes += chunk.length;
    const kept = Math.min(chunk.length, this.#maxBytes - this.sizeBytes);
    if (kept <= 0 || this.isDropped) return;
    const neededBytes = this.sizeBytes + kept;
    if (neededBytes > this.#buffer.length && !this.#grow(neededBytes)) {
      this.letGo();
      this.isDropped = true;
      return;
    }
    this.#buffer.set(kept === chunk.length ? chunk : chunk.subarray(0, kept), this.sizeBytes);
    this.sizeBytes = neededBytes;
  }

  letGo(): void {
    this.#queue.letGo(this.#buffer.length);
    this.#buffer = Buffer.alloc(0);
    this.sizeBytes = 0;
  }

  #grow(neededBytes: number): boolean {
    const usual = Math.max(leastBytes, neededBytes, 2 * this.#buffer.length);
    const capacity = Math.min(usual, this.#maxBytes);
    if (!this.#queue.hold(capacity - this.#buffer.length)) return false;
    const grown = Buffer.allocUnsafeSlow(capacity);
    this.#buffer.copy(grown, 0, 0, this.sizeBytes);
    this.#buffer = grown;
    return true;
  }
}

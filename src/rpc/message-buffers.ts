// The largest of the usual messages; larger ones are rare enough to be left to the garbage collector.
const maxPooledBytes = 4 * 1024 * 1024;
/** Below, a new buffer costs as little as one that has been used. */
const minPooledBytes = 64 * 1024;
const stepBytes = 64 * 1024;
const maxIdleBytes = 32 * 1024 * 1024;

/** Buffers for messages that come in pieces. Most of what a large new one costs are its page faults, which a
 *  used one has behind it. */
export class MessageBuffers {
  /** Capacity -> buffers that nobody uses. Capacities that were given back last stand last. */
  readonly #idle = new Map<number, ArrayBuffer[]>();
  #idleBytes = 0;

  /** Memory that nobody reserved by words alone: ask when all of the message is here. Its content is
   *  undefined. */
  take(sizeBytes: number): Uint8Array<ArrayBuffer> {
    const capacity = capacityFor(sizeBytes);
    if (capacity === undefined) return newBuffer(sizeBytes);
    const idle = this.#idle.get(capacity)?.pop();
    if (idle === undefined) return newBuffer(capacity).subarray(0, sizeBytes);
    this.#idleBytes -= capacity;
    return new Uint8Array(idle, 0, sizeBytes);
  }

  /** Call at most once for what `take` gave, and only if nobody will read or write it any more. What is
   *  not given back is collected like any other memory. */
  giveBack({ buffer }: Uint8Array<ArrayBuffer>): void {
    const capacity = buffer.byteLength;
    if (capacityFor(capacity) !== capacity) return;
    const idle = this.#idle.get(capacity) ?? [];
    idle.push(buffer);
    this.#idleBytes += capacity;
    this.#idle.delete(capacity);
    this.#idle.set(capacity, idle);
    this.#shrink();
  }

  get idleBytes(): number {
    return this.#idleBytes;
  }

  /** Lets go of those whose size has not been in use for longest. */
  #shrink(): void {
    for (const [capacity, idle] of this.#idle) {
      while (this.#idleBytes > maxIdleBytes && idle.pop() !== undefined) {
        this.#idleBytes -= capacity;
      }
      if (this.#idleBytes <= maxIdleBytes) return;
      this.#idle.delete(capacity);
    }
  }
}

function capacityFor(sizeBytes: number): number | undefined {
  if (sizeBytes < minPooledBytes || sizeBytes > maxPooledBytes) return undefined;
  return Math.ceil(sizeBytes / stepBytes) * stepBytes;
}

function newBuffer(sizeBytes: number): Uint8Array<ArrayBuffer> {
  // Neither zeroed nor a part of Node's shared pool.
  const { buffer } = Buffer.allocUnsafeSlow(sizeBytes);
  return new Uint8Array(buffer, 0, sizeBytes);
}

const maxIdleBytes = 64 * 1024 * 1024;
/** Larger buffers would drive out all others. */
const maxPooledBytes = maxIdleBytes / 2;
/** Below this size, a new buffer costs as little as a used one. */
const minPooledBytes = 64 * 1024;
const minStepBytes = 64 * 1024;
/** Capacities between a power of two and the next: a message may take a buffer of which an eighth stays unused. */
const stepsPerDoubling = 8;
/** Buffers that were not needed for this long are released. */
const idleMs = 10_000;

/** Buffers for messages that arrive in pieces. Most of the cost of a large new buffer is its page faults, which
 *  a used buffer has already paid. */
export class MessageBuffers {
  /** Capacity → unused buffers. The capacities returned most recently come last. */
  readonly #idle = new Map<number, ArrayBuffer[]>();
  #idleBytes = 0;
  /** The minimum of `#idleBytes` since the last check: memory that was not needed. */
  #unneededBytes = 0;
  #sweeper: NodeJS.Timeout | undefined;

  /** Memory that may be new: request it when the whole message is here, not when it is announced. Its content
   *  is undefined. */
  take(sizeBytes: number): Uint8Array<ArrayBuffer> {
    const idle = this.takeIdle(sizeBytes);
    if (idle !== undefined) return idle;
    return newBuffer(capacityFor(sizeBytes) ?? sizeBytes).subarray(0, sizeBytes);
  }

  /** The same, if a used buffer is idle: it costs no memory that is not held anyway. */
  takeIdle(sizeBytes: number): Uint8Array<ArrayBuffer> | undefined {
    const capacity = capacityFor(sizeBytes);
    const idle = capacity === undefined ? undefined : this.#idle.get(capacity)?.pop();
    if (idle === undefined) return undefined;
    this.#idleBytes -= idle.byteLength;
    this.#unneededBytes = Math.min(this.#unneededBytes, this.#idleBytes);
    return new Uint8Array(idle, 0, sizeBytes);
  }

  /** Call it at most once for the result of `take`, and only if nothing will read or write it any more. Memory
   *  that is not returned is collected like any other. */
  giveBack({ buffer }: Uint8Array<ArrayBuffer>): void {
    const capacity = buffer.byteLength;
    if (capacityFor(capacity) !== capacity) return;
    const idle = this.#idle.get(capacity) ?? [];
    idle.push(buffer);
    this.#idleBytes += capacity;
    this.#idle.delete(capacity);
    this.#idle.set(capacity, idle);
    this.#shrinkTo(maxIdleBytes);
    this.#sweeper ??= setInterval(() => this.#sweep(), idleMs).unref();
  }

  /** Releases all buffers that are not in use. */
  letGo(): void {
    this.#shrinkTo(0);
  }

  get idleBytes(): number {
    return this.#idleBytes;
  }

  #sweep(): void {
    this.#shrinkTo(this.#idleBytes - this.#unneededBytes);
    this.#unneededBytes = this.#idleBytes;
    if (this.#idleBytes > 0) return;
    clearInterval(this.#sweeper);
    this.#sweeper = undefined;
  }

  /** Releases first the sizes that have been unused for longest. */
  #shrinkTo(maxBytes: number): void {
    for (const [capacity, idle] of this.#idle) {
      while (this.#idleBytes > maxBytes && idle.pop() !== undefined) {
        this.#idleBytes -= capacity;
      }
      if (this.#idleBytes <= maxBytes) return;
      this.#idle.delete(capacity);
    }
  }
}

function capacityFor(sizeBytes: number): number | undefined {
  if (sizeBytes < minPooledBytes || sizeBytes > maxPooledBytes) return undefined;
  const powerOfTwo = 2 ** Math.floor(Math.log2(sizeBytes));
  const stepBytes = Math.max(minStepBytes, powerOfTwo / stepsPerDoubling);
  return Math.ceil(sizeBytes / stepBytes) * stepBytes;
}

function newBuffer(sizeBytes: number): Uint8Array<ArrayBuffer> {
  // Neither zeroed nor part of Node's shared pool.
  const { buffer } = Buffer.allocUnsafeSlow(sizeBytes);
  return new Uint8Array(buffer, 0, sizeBytes);
}

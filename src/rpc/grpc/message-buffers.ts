const maxIdleBytes = 64 * 1024 * 1024;
/** Larger ones would drive all others out. */
const maxPooledBytes = maxIdleBytes / 2;
/** Below, a new buffer costs as little as one that has been used. */
const minPooledBytes = 64 * 1024;
const minStepBytes = 64 * 1024;
/** Capacities between a power of two and the next: a message can take a buffer of which an eighth stays empty. */
const stepsPerDoubling = 8;
/** What was not needed for so long is let go of. */
const idleMs = 10_000;

/** Buffers for messages that come in pieces. Most of what a large new one costs are its page faults, which a
 *  used one has behind it. */
export class MessageBuffers {
  /** Capacity -> buffers that nobody uses. Capacities that were given back last stand last. */
  readonly #idle = new Map<number, ArrayBuffer[]>();
  #idleBytes = 0;
  /** The lowest of `#idleBytes` since the last look: what nobody needed. */
  #unneededBytes = 0;
  #sweeper: NodeJS.Timeout | undefined;

  /** Memory that may be new: ask when all of the message is here, not when it is announced. Its content
   *  is undefined. */
  take(sizeBytes: number): Uint8Array<ArrayBuffer> {
    const idle = this.takeIdle(sizeBytes);
    if (idle !== undefined) return idle;
    return newBuffer(capacityFor(sizeBytes) ?? sizeBytes).subarray(0, sizeBytes);
  }

  /** The same, if a buffer that was used before lies idle: it costs no memory that is not held anyway. */
  takeIdle(sizeBytes: number): Uint8Array<ArrayBuffer> | undefined {
    const capacity = capacityFor(sizeBytes);
    const idle = capacity === undefined ? undefined : this.#idle.get(capacity)?.pop();
    if (idle === undefined) return undefined;
    this.#idleBytes -= idle.byteLength;
    this.#unneededBytes = Math.min(this.#unneededBytes, this.#idleBytes);
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
    this.#shrinkTo(maxIdleBytes);
    this.#sweeper ??= setInterval(() => this.#sweep(), idleMs).unref();
  }

  /** Keeps no buffer that is not in use. */
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

  /** Lets go of those first whose size has not been in use for longest. */
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
  // Neither zeroed nor a part of Node's shared pool.
  const { buffer } = Buffer.allocUnsafeSlow(sizeBytes);
  return new Uint8Array(buffer, 0, sizeBytes);
}

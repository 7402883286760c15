/** ModelMesh's loader threads. A load holds one from its wait for memory until its size is known. */
export class LoaderSlots {
  readonly #queue: PromiseWithResolvers<void>[] = [];
  #free: number;

  constructor(count: number) {
    this.#free = count;
  }

  /** Resolves with the function that gives the slot back. Rejects when `signal` aborts before that. */
  async take(signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    if (this.#free > 0) this.#free--;
    else await this.#turn(signal);
    return () => {
      const next = this.#queue.shift();
      if (next === undefined) this.#free++;
      else next.resolve();
    };
  }

  async #turn(signal: AbortSignal): Promise<void> {
    const place = Promise.withResolvers<void>();
    this.#queue.push(place);
    const leave = () => {
      const at = this.#queue.indexOf(place);
      // Once it is no longer in the queue it has the slot.
      if (at < 0) return;
      this.#queue.splice(at, 1);
      place.reject(signal.reason);
    };
    signal.addEventListener("abort", leave);
    try {
      await place.promise;
    } finally {
      signal.removeEventListener("abort", leave);
    }
  }
}

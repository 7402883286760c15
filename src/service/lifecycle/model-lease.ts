/** Counts the current users of a model, so that it is unloaded only after the last one is done. */
export class ModelLeases {
  #count = 0;
  #idle: PromiseWithResolvers<void> | undefined;

  get count(): number {
    return this.#count;
  }

  /** Takes a lease; the returned function gives it back, once. */
  acquire(): () => void {
    this.#count++;
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#count--;
      if (this.#count === 0) {
        this.#idle?.resolve();
        this.#idle = undefined;
      }
    };
  }

  /** Resolves when no lease is held. */
  idle(): Promise<void> {
    if (this.#count === 0) return Promise.resolve();
    this.#idle ??= Promise.withResolvers();
    return this.#idle.promise;
  }
}

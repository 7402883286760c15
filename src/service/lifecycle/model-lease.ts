/** Counts who uses a model right now, so that it is unloaded only when the last one is done. */
export class ModelLeases {
  #count = 0;
  #idle: PromiseWithResolvers<void> | undefined;

  get count(): number {
    return this.#count;
  }

  /** Takes one lease; the function returned gives it back, once. */
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

const leastMs = 100;
const mostMs = 5_000;

/** Keeps senders from a sink that fails: one of them tries, after pauses that become longer, and the others wait until it
 *  gets through. */
export class RetryGate {
  #failures = 0;
  #nextMs = 0;
  #isTried = false;
  readonly #waiting: (() => void)[] = [];
  #timer: NodeJS.Timeout | undefined;
  #isOpen = false;

  /** Resolves when the caller may try. It must report what came of it. */
  async pass(): Promise<void> {
    while (!this.#isOpen && this.#failures > 0 && !this.#mayTry()) {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
        this.#wake();
      });
    }
    if (this.#failures > 0) this.#isTried = true;
  }

  succeeded(): void {
    this.#failures = 0;
    this.#isTried = false;
    this.#wakeAll();
  }

  /** `afterMs`: what the sink asked for. */
  failed(afterMs = 0): void {
    this.#isTried = false;
    this.#failures++;
    const pauseMs = Math.min(mostMs, leastMs * 2 ** Math.min(10, this.#failures - 1));
    // Servers of a deployment must not all come back at the same moment.
    const jitterMs = pauseMs * (0.75 + Math.random() / 2);
    this.#nextMs = performance.now() + Math.max(jitterMs, Math.min(afterMs, 6 * mostMs));
    this.#wake();
  }

  /** Nobody waits any more. */
  open(): void {
    this.#isOpen = true;
    this.#wakeAll();
  }

  #mayTry(): boolean {
    return !this.#isTried && performance.now() >= this.#nextMs;
  }

  #wake(): void {
    clearTimeout(this.#timer);
    if (this.#waiting.length === 0 || this.#isTried) return;
    const waitMs = Math.max(0, this.#nextMs - performance.now());
    this.#timer = setTimeout(() => this.#wakeAll(), Math.ceil(waitMs));
  }

  #wakeAll(): void {
    clearTimeout(this.#timer);
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

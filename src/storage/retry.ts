import { delay } from "../base/abort.ts";
import { isTransient, type RuntimeError } from "../base/errors.ts";
import { ObjectChangedError, toStorageError } from "./storage-errors.ts";

const maxFailures = 7;
const firstPauseMs = 100;
const maxPauseMs = 5_000;

/** Counts the failures since something last went well, and decides whether it is worth going on. */
export class RetryPolicy {
  readonly #signal: AbortSignal;
  readonly #onRetry: (reason: RuntimeError) => void;
  #failures = 0;

  /** `onRetry` hears of every failure that is not the end of it. */
  constructor(signal: AbortSignal, onRetry: (reason: RuntimeError) => void = () => {}) {
    this.#signal = signal;
    this.#onRetry = onRetry;
  }

  noteProgress(): void {
    this.#failures = 0;
  }

  /** Resolves when it is time for the next attempt. Rejects if there is to be none: with the signal's reason,
   *  or with what `reason` means. Seven failures in a row are the end, after some six seconds of pauses. */
  async failed(reason: unknown, what: string): Promise<void> {
    this.#signal.throwIfAborted();
    const error = toStorageError(reason, what);
    this.#failures++;
    // Another attempt would ask for the same version again.
    if (error instanceof ObjectChangedError) throw error;
    if (!isTransient(error) || this.#failures === maxFailures) throw error;
    this.#onRetry(error);
    // Many models whose store failed at once must not come back at once.
    const pauseMs = Math.min(maxPauseMs, firstPauseMs * 2 ** (this.#failures - 1));
    await delay(pauseMs * (0.5 + Math.random()), this.#signal);
  }

  /** Does `work` until it succeeds or it is not worth going on. */
  async run<T>(what: string, work: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await work();
      } catch (error) {
        await this.failed(error, what);
      }
    }
  }
}

import { delay } from "../base/abort.ts";
import { isTransient, type RuntimeError } from "../base/errors.ts";
import { ObjectChangedError, toStorageError } from "./contract/store-errors.ts";

const maxFailures = 7;
const firstPauseMs = 100;
const maxPauseMs = 5_000;

/** Counts failures since the last success, and decides whether to try again. */
export class RetryPolicy {
  readonly #signal: AbortSignal;
  readonly #onRetry: (reason: RuntimeError) => void;
  #failures = 0;

  /** `onRetry` is called for every failure except the final one. */
  constructor(signal: AbortSignal, onRetry: (reason: RuntimeError) => void = () => {}) {
    this.#signal = signal;
    this.#onRetry = onRetry;
  }

  noteProgress(): void {
    this.#failures = 0;
  }

  /** Resolves when it is time for the next attempt. Rejects if there will be none: with the signal's reason, or
   *  with the error that `reason` stands for. Seven failures in a row are final, after about six seconds of
   *  pauses. */
  async failed(reason: unknown, what: string): Promise<void> {
    this.#signal.throwIfAborted();
    const error = toStorageError(reason, what);
    this.#failures++;
    // Another attempt would request the same version again.
    if (error instanceof ObjectChangedError) throw error;
    if (!isTransient(error) || this.#failures === maxFailures) throw error;
    this.#onRetry(error);
    // Spreads the retries of models whose store failed at the same moment.
    const pauseMs = Math.min(maxPauseMs, firstPauseMs * 2 ** (this.#failures - 1));
    await delay(pauseMs * (0.5 + Math.random()), this.#signal);
  }

  /** Repeats `work` until it succeeds or the failures are final. */
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

import { RuntimeError, withoutStack } from "../../base/errors.ts";
import type { RunSettings } from "../../config/run-settings.ts";
import { QueuePace } from "./queue-pace.ts";

/** So many may wait whatever it takes: without a queue its pace is not seen to get better. */
const leastWaiting = 2;
/** Where nobody has said how long may be waited: so long, or for as many as a client that sends the next
 *  request after an answer may well have under way. */
const usualWaitMs = 2_000;
const usualWaiting = 64;

type Settings = Pick<RunSettings, "maxQueueSize" | "maxQueueWaitMs">;

/** How many requests may wait for one model: by their number, and by the time that they will take. */
export class QueueLimit {
  readonly #maxCount: number;
  /** 0 is no limit. */
  readonly #maxWaitMs: number;
  /** So many may wait for longer. */
  readonly #patientCount: number;
  readonly #pace = new QueuePace();

  constructor({ maxQueueSize, maxQueueWaitMs }: Settings) {
    this.#maxCount = maxQueueSize;
    this.#maxWaitMs = maxQueueWaitMs ?? usualWaitMs;
    this.#patientCount = maxQueueWaitMs === undefined ? usualWaiting : leastWaiting;
  }

  /** `count` requests left the queue together, and `isBacklogged` says whether others stay behind. */
  noteDeparture(count: number, isBacklogged: boolean): void {
    this.#pace.noteDeparture(count, isBacklogged, performance.now());
  }

  /** Nothing waits, whether or not it departed. */
  noteEmpty(): void {
    this.#pace.noteEmpty();
  }

  /** Why one more may not wait behind `count` others. */
  refusal(count: number): RuntimeError | undefined {
    if (this.#maxCount > 0 && count >= this.#maxCount) {
      return overloaded(
        `${count} inferences of this model wait already, its max_queue_size is ${this.#maxCount}`,
      );
    }
    const isSoon = count < this.#patientCount || this.#waitMs(count) <= this.#maxWaitMs;
    return this.#maxWaitMs === 0 || isSoon ? undefined : this.#tooLong(count);
  }

  /** Those that came before the pace was known, or as it changed, are refused late rather than never: the
   *  last to come first. How many of `count` may stay, if not all, and why the others may not. */
  excess(count: number): { readonly kept: number; readonly reason: RuntimeError } | undefined {
    // Twice, so that a passing change does not cost anybody the place in the queue.
    if (this.#maxWaitMs === 0 || this.#waitMs(count) <= 2 * this.#maxWaitMs) return undefined;
    const kept = Math.max(this.#patientCount, Math.floor(this.#maxWaitMs / this.#waitMs(1)));
    return kept < count ? { kept, reason: this.#tooLong(count) } : undefined;
  }

  #waitMs(count: number): number {
    return count * (this.#pace.msPerRequest ?? 0);
  }

  #tooLong(count: number): RuntimeError {
    const waitMs = Math.round(this.#waitMs(count));
    return overloaded(
      `${count} inferences of this model wait already, which takes about ${waitMs} ms; ` +
        `the limit for more than ${this.#patientCount} is ${this.#maxWaitMs} ms`,
    );
  }
}

/** The refusal of an inference for want of room. */
export function overloaded(message: string): RuntimeError {
  return withoutStack(() => new RuntimeError("overloaded", message));
}

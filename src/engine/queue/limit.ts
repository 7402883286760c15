import { RuntimeError, withoutStack } from "../../base/errors.ts";
import type { RunSettings } from "../../config/run-settings.ts";
import { QueuePace } from "./pace.ts";

/** This many may wait regardless of time: a pace can only be seen to improve while there is a queue. */
const leastWaiting = 2;
/** Default limits: this wait, or as many requests as a client that sends the next one after each response may
 *  well have in flight. */
const usualWaitMs = 2_000;
const usualWaiting = 64;

type Settings = Pick<RunSettings, "maxQueueSize" | "maxQueueWaitMs">;

/** How many requests may wait for one model: limited by their number, and by the time that they will take. */
export class QueueLimit {
  readonly #maxCount: number;
  /** 0 means no limit. */
  readonly #maxWaitMs: number;
  /** This many may wait for longer. */
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

  /** Why another request may not wait behind `count` others. */
  refusal(count: number): RuntimeError | undefined {
    if (this.#maxCount > 0 && count >= this.#maxCount) {
      return overloaded(
        `${count} inferences of this model are queued already, its max_queue_size is ${this.#maxCount}`,
      );
    }
    const isSoon = count < this.#patientCount || this.#waitMs(count) <= this.#maxWaitMs;
    return this.#maxWaitMs === 0 || isSoon ? undefined : this.#tooLong(count);
  }

  /** Requests that came before the pace was known, or before it changed, are refused late rather than never,
   *  newest first. Returns how many of `count` may stay, if not all, and why the others may not. */
  excess(count: number): { readonly kept: number; readonly reason: RuntimeError } | undefined {
    // Twice the limit, so that a passing change does not cost a request its place in the queue.
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
      `${count} inferences of this model are queued already, about ${waitMs} ms of work; ` +
        `beyond ${this.#patientCount} of them the limit is ${this.#maxWaitMs} ms`,
    );
  }
}

/** The refusal of an inference because the queue is full. */
export function overloaded(message: string): RuntimeError {
  return withoutStack(() => new RuntimeError("overloaded", message));
}

import type { LinkedQueue } from "../../base/linked-queue.ts";
import { overloaded } from "./limit.ts";
import type { QueuedRun } from "./queued-run.ts";

/** Rejects requests that have waited for too long. */
export class QueueExpiry {
  readonly #limitMs: number;
  readonly #waiting: LinkedQueue<QueuedRun>;
  #timer: NodeJS.Timeout | undefined;

  /** `limitMs`: 0 means no limit. */
  constructor(waiting: LinkedQueue<QueuedRun>, limitMs: number) {
    this.#waiting = waiting;
    this.#limitMs = limitMs;
  }

  /** Call when a request has arrived. One timer serves all: requests wait in order of arrival, and the first
   *  one expires first. */
  watch(): void {
    if (this.#limitMs === 0 || this.#timer !== undefined) return;
    const oldest = this.#waiting.first;
    if (oldest === undefined) return;
    const leftMs = Math.max(0, this.#limitMs - oldest.waitedMs(performance.now()));
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#expire(performance.now());
      this.watch();
    }, Math.ceil(leftMs));
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #expire(nowMs: number): void {
    for (const run of this.#waiting) {
      const waitedMs = run.waitedMs(nowMs);
      if (waitedMs < this.#limitMs) break;
      run.reject(
        overloaded(
          `the inference waited ${Math.round(waitedMs)} ms for its turn, the model's limit is ${this.#limitMs} ms`,
        ),
      );
    }
  }
}

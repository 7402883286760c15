import { abortable } from "../../base/abort.ts";
import { RuntimeError } from "../../base/errors.ts";
import type { FeedUpdate, RuntimeFeed } from "../../service/contract/runtime-feed.ts";
import { WatchBeat } from "./beat.ts";

const defaultIntervalMs = 250;
const leastIntervalMs = 50;
const mostIntervalMs = 1_000;

export interface Watcher {
  /** As requested; 0 is the default, and values out of bounds are clamped. */
  readonly intervalMs: number;
  /** Aborts when the watcher is gone. */
  readonly signal: AbortSignal;
}

export interface WatchedUpdate {
  readonly update: FeedUpdate;
  /** Whether it replaces everything before. */
  readonly isSnapshot: boolean;
}

/** Sends each watcher the complete state, and then its changes. A watcher is a revision and a generator, which
 *  is asked for an update only when the previous one has left for the client: a slow reader costs no memory,
 *  and receives what it has missed in one piece. */
export class WatchUpdates {
  readonly #feed: RuntimeFeed;
  readonly #closing: AbortSignal;
  readonly #beat = new WatchBeat();

  /** `closing` aborts when the server is about to close. */
  constructor(feed: RuntimeFeed, closing: AbortSignal) {
    this.#feed = feed;
    this.#closing = closing;
  }

  /** The complete current state. */
  now(): FeedUpdate {
    return this.#feed.snapshot();
  }

  /** Ends with the signal's reason, or with "shutting-down" after the last changes. */
  async *of({ intervalMs, signal }: Watcher): AsyncGenerator<WatchedUpdate, never> {
    const feed = this.#feed;
    const pauseMs = boundedInterval(intervalMs);
    const stop = feed.watch();
    // A generator that waits for a slow client to take an update cannot learn in any other way that the client
    // has left.
    signal.addEventListener("abort", stop, { once: true });
    try {
      let seen: number | undefined;
      for (;;) {
        const update = seen === undefined ? undefined : feed.since(seen);
        // Created before anything is awaited, so that no change is missed between the read and the wait.
        const change = feed.nextChange();
        if (update === undefined) {
          const all = feed.snapshot();
          seen = all.revision;
          yield { update: all, isSnapshot: true };
        } else if (update.revision !== seen) {
          seen = update.revision;
          yield { update, isSnapshot: false };
        } else {
          if (this.#closing.aborted) throw shuttingDown();
          await this.#waitFor(change, signal);
        }
        await this.#waitFor(this.#beat.next(pauseMs), signal);
      }
    } finally {
      stop();
      signal.removeEventListener("abort", stop);
    }
  }

  /** Resolves with `wait`, or at once when the server closes; rejects when the watcher is gone. */
  async #waitFor(wait: Promise<void>, signal: AbortSignal): Promise<void> {
    const closed = abortable(wait, this.#closing).catch(() => {});
    await abortable(closed, signal);
  }
}

function boundedInterval(intervalMs: number): number {
  if (intervalMs === 0) return defaultIntervalMs;
  return Math.min(Math.max(intervalMs, leastIntervalMs), mostIntervalMs);
}

function shuttingDown(): RuntimeError {
  return new RuntimeError("shutting-down", "the runtime is shutting down");
}

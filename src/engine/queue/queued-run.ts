import type { CancelSignal } from "../../base/cancel-signal.ts";
import type { LinkedNode, LinkedQueue } from "../../base/linked-queue.ts";
import type { IndexedTensor } from "../wire/host-protocol.ts";
import type { RunRequest } from "./batch-join.ts";

/** Receives one request's results: exactly one of the two is called, once. */
export interface ResultReceiver {
  resolve(results: readonly IndexedTensor[]): void;
  reject(reason: unknown): void;
}

export interface QueuedRunParts {
  readonly request: RunRequest;
  /** Undefined: not to be joined. */
  readonly rows: number | undefined;
  readonly signal: CancelSignal;
  /** Whether it needs all the memory that runs may take. */
  readonly needsAll?: boolean | undefined;
  readonly receiver: ResultReceiver;
}

const once = { once: true } as const;

/** One inference from its call to its end. Settles once; when its signal aborts it rejects at once, wherever
 *  it is, and a late result is dropped. */
export class QueuedRun {
  readonly request: RunRequest;
  readonly rows: number | undefined;
  readonly #parts: QueuedRunParts;
  needsAll: boolean;
  /** Called when something other than its run settles it. */
  onGone: (() => void) | undefined;
  readonly #queuedMs = performance.now();
  #isWanted = true;
  #place: LinkedNode<QueuedRun> | undefined;

  constructor(parts: QueuedRunParts) {
    this.request = parts.request;
    this.rows = parts.rows;
    this.#parts = parts;
    this.needsAll = parts.needsAll === true;
    // An object with `handleEvent` can be removed again without a function of its own.
    parts.signal.addEventListener("abort", this, once);
  }

  /** Whether a client still waits for the result. */
  get isWanted(): boolean {
    return this.#isWanted;
  }

  /** Waits in `line` until it is settled or told to leave. */
  enter(line: LinkedQueue<QueuedRun>): void {
    this.#place = line.add(this);
  }

  leave(): void {
    this.#place?.leave();
  }

  waitedMs(nowMs: number): number {
    return nowMs - this.#queuedMs;
  }

  /** It is part of a run that is being sent now. */
  noteSent(nowMs: number, batchSize: number): void {
    const { times } = this.request;
    if (times === undefined) return;
    times.queuedAtMs = this.#queuedMs;
    times.sentAtMs = nowMs;
    times.batchSize = batchSize;
  }

  noteAnswered(nowMs: number, computeMs: number): void {
    const { times } = this.request;
    if (times === undefined) return;
    times.answeredAtMs = nowMs;
    times.computeMs = computeMs;
  }

  resolve(results: readonly IndexedTensor[]): void {
    this.#end();
    this.#parts.receiver.resolve(results);
  }

  reject(reason: unknown): void {
    this.#end();
    this.#parts.receiver.reject(reason);
    this.onGone?.();
  }

  handleEvent(): void {
    this.leave();
    this.#isWanted = false;
    this.#parts.receiver.reject(this.#parts.signal.reason);
    this.onGone?.();
  }

  #end(): void {
    this.leave();
    this.#isWanted = false;
    this.#parts.signal.removeEventListener("abort", this);
  }
}

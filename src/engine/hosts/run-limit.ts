import { RuntimeError } from "../../base/errors.ts";
import type { HostQueue, HostRun } from "../queue/host-queue.ts";

export interface RunLimitParts {
  readonly queue: Pick<HostQueue, "front" | "frontMs" | "hasMore">;
  readonly graceMs: number;
  /** Ends the host because of `run`; may be called again. */
  kill(why: string, run: HostRun): void;
}

/** An abandoned run gets this many times its expected duration, or the grace if that is longer. */
const patience = 4;
/** This many times longer if nothing else waits for the host. */
const patienceOfIdle = 5;
const looksPerGrace = 4;

/** Keeps runs from occupying a host for ever. A run can only be stopped with its host. A run over its limit
 *  is given up; an abandoned run may take as long as its model is known to take, plus a grace. Times are
 *  noticed late by a part of the grace. */
export class RunLimit {
  readonly #parts: RunLimitParts;
  readonly #timer: NodeJS.Timeout;
  /** The run in the host, since it was first seen there. */
  #front: { readonly run: HostRun; readonly sinceMs: number } | undefined;
  /** When its last client gave up. */
  #abandonedMs: number | undefined;
  #isOverdue = false;
  /** The run for which the host was killed. */
  #hung: HostRun | undefined;

  constructor(parts: RunLimitParts) {
    this.#parts = parts;
    this.#timer = setInterval(() => this.#look(), parts.graceMs / looksPerGrace);
    this.#timer.unref();
  }

  get hung(): HostRun | undefined {
    return this.#hung;
  }

  /** The host is about to be killed because of its current run, which fails with `reason`. */
  giveUpFront(reason: RuntimeError): void {
    this.#hung = this.#parts.queue.front;
    this.#hung?.giveUp(reason);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const { front } = this.#parts.queue;
    const nowMs = performance.now();
    if (front !== this.#front?.run) {
      this.#front = front && { run: front, sinceMs: nowMs };
      this.#abandonedMs = undefined;
      this.#isOverdue = false;
    }
    if (this.#front === undefined) return;
    const { run, sinceMs } = this.#front;
    if (run.isWanted && run.limitMs > 0 && nowMs - sinceMs >= run.limitMs) {
      this.#isOverdue = true;
      run.giveUp(tooLong(run.limitMs));
    }
    if (!run.isWanted) this.#endIfHung(run, nowMs);
  }

  #endIfHung(run: HostRun, nowMs: number): void {
    this.#abandonedMs ??= nowMs;
    if (nowMs - this.#abandonedMs < this.#patienceMs()) return;
    this.#hung = run;
    this.#parts.kill("a run that nobody waited for any more did not end", run);
  }

  #patienceMs(): number {
    const { graceMs, queue } = this.#parts;
    if (this.#isOverdue) return graceMs;
    const expectedMs = Number.isFinite(queue.frontMs) ? patience * queue.frontMs : 0;
    return Math.max(graceMs, expectedMs) * (queue.hasMore ? 1 : patienceOfIdle);
  }
}

function tooLong(limitMs: number): RuntimeError {
  return new RuntimeError(
    "deadline-exceeded",
    `the run took longer than ${limitMs} ms, the limit of RUN_TIMEOUT`,
  );
}

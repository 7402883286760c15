import type { HostQueue, HostRun } from "../queue/host-queue.ts";

export interface ReleaseLimitParts {
  readonly queue: Pick<HostQueue, "front" | "wantedLoad">;
  /** The model to be released. */
  readonly owner: HostRun["owner"];
  readonly graceMs: number;
  /** Kills the host; may be called again. */
  kill(why: string): void;
}

const looksPerGrace = 4;

/** Keeps an unload from waiting for the model's own run, or for an abandoned one: after a grace the host is
 *  killed. While the host executes work that others wait for, a load or a run, the grace is suspended: an
 *  unload waits for these, and their own limits end them. */
export class ReleaseLimit {
  readonly #parts: ReleaseLimitParts;
  readonly #timer: NodeJS.Timeout;
  /** Looks in a row that found nothing that another client wants. */
  #idleLooks = 0;

  constructor(parts: ReleaseLimitParts) {
    this.#parts = parts;
    this.#timer = setInterval(() => this.look(), parts.graceMs / looksPerGrace);
  }

  /** Call when the model has been released. */
  stop(): void {
    clearInterval(this.#timer);
  }

  /** Called at each part of the grace. */
  look(): void {
    const { queue, owner, kill } = this.#parts;
    const { front, wantedLoad } = queue;
    const isOfOthers = front?.isWanted === true && front.owner !== owner;
    this.#idleLooks = wantedLoad || isOfOthers ? 0 : this.#idleLooks + 1;
    if (this.#idleLooks >= looksPerGrace) kill("a model did not stop for its unload");
  }
}

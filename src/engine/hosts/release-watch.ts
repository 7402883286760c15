import type { HostQueue, HostRun } from "../queue/host-queue.ts";

export interface ReleaseWatchParts {
  readonly queue: Pick<HostQueue, "front" | "wantedLoad">;
  /** The model that is to be let go. */
  readonly owner: HostRun["owner"];
  readonly graceMs: number;
  /** Ends the host; may be called again. */
  kill(why: string): void;
}

const looksPerGrace = 4;

/** Sees to it that a model's own run, or one that nobody waits for, does not keep a host from letting the model
 *  go: after a grace of that the host is killed. While the host is at what others wait for, a load or a run,
 *  the grace does not run: an unload waits for these, and their own limits end them. */
export class ReleaseWatch {
  readonly #parts: ReleaseWatchParts;
  readonly #timer: NodeJS.Timeout;
  /** Looks in a row that found nothing that anybody else wants. */
  #idleLooks = 0;

  constructor(parts: ReleaseWatchParts) {
    this.#parts = parts;
    this.#timer = setInterval(() => this.look(), parts.graceMs / looksPerGrace);
  }

  /** To be called when the model is gone. */
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

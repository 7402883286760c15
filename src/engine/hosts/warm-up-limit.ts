import type { Vacated } from "./vacate.ts";

export interface WarmUpLimitParts {
  readonly limitMs: number;
  /** Moves the host's other models away. */
  vacate(): Promise<Vacated>;
  /** Kills the host, and the warm-up with it. */
  kill(why: string): void;
}

/** Ends a warm-up that takes too long, together with its host: engines cannot be stopped otherwise. The
 *  host's other models move first. While they cannot, the warm-up goes on, since it is wanted work: the load's
 *  own limit ends it. */
export class WarmUpLimit {
  readonly #parts: WarmUpLimitParts;
  #timer: NodeJS.Timeout;
  #isOver = false;

  constructor(parts: WarmUpLimitParts) {
    this.#parts = parts;
    this.#timer = this.#wait();
  }

  /** Call when the warm-up has ended. */
  stop(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
  }

  #wait(): NodeJS.Timeout {
    return setTimeout(() => void this.#end(), this.#parts.limitMs);
  }

  async #end(): Promise<void> {
    const { limitMs, vacate, kill } = this.#parts;
    const vacated = await vacate();
    if (this.#isOver) return;
    if (vacated === "moved") kill(`a warm-up did not end within ${limitMs} ms`);
    else if (vacated === "not-now") this.#timer = this.#wait();
  }
}

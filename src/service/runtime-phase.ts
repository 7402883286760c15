import { RuntimeError } from "../base/errors.ts";

/** The phase of the runtime's life, which only moves forward. */
export class RuntimePhase {
  #current: "starting" | "ready" | "closed" = "starting";
  readonly #listeners = new Set<(phase: "ready" | "closed") => void>();

  get current(): "starting" | "ready" | "closed" {
    return this.#current;
  }

  get isReady(): boolean {
    return this.#current === "ready";
  }

  /** Does nothing if the phase is the same, or the runtime is closed. */
  enter(phase: "ready" | "closed"): void {
    if (phase === this.#current || this.#current === "closed") return;
    this.#current = phase;
    for (const listener of this.#listeners) listener(phase);
  }

  /** Calls `listener` after each change. Returns the function that stops that. */
  onChange(listener: (phase: "ready" | "closed") => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Throws "shutting-down". */
  throwIfClosed(): void {
    if (this.#current === "closed") throw closedError();
  }
}

export function closedError(): RuntimeError {
  return new RuntimeError("shutting-down", "the runtime is shutting down");
}

import type { ModelLookup } from "./model-lookup.ts";
import type { RuntimePhase } from "./runtime-phase.ts";

/** Whether the runtime is ready: in its phase, and with every model that the operator named. */
export class RequiredModels {
  readonly #names: readonly string[];
  readonly #lookup: ModelLookup;
  readonly #phase: RuntimePhase;
  readonly #onModels: (listener: () => void) => () => void;

  constructor(
    names: readonly string[],
    parts: {
      readonly lookup: ModelLookup;
      readonly phase: RuntimePhase;
      /** Calls `listener` after every change of any model, until the returned function is called. */
      readonly onModels: (listener: () => void) => () => void;
    },
  ) {
    this.#names = names;
    this.#lookup = parts.lookup;
    this.#phase = parts.phase;
    this.#onModels = parts.onModels;
  }

  /** A model that is loaded again in another host counts: its requests wait there. */
  get areServing(): boolean {
    return (
      this.#phase.isReady &&
      this.#names.every((name) => this.#lookup.find(name, "")?.isServing === true)
    );
  }

  /** Calls `listener` after each change of `areServing`. Returns the function that stops that. */
  onChange(listener: () => void): () => void {
    let last = this.areServing;
    const look = () => {
      const now = this.areServing;
      if (now === last) return;
      last = now;
      listener();
    };
    const stops = [this.#phase.onChange(look)];
    // Without such models nothing but the phase decides.
    if (this.#names.length > 0) stops.push(this.#onModels(look));
    return () => {
      for (const stop of stops) stop();
    };
  }
}

import { heldBytes, isReleasing, type ModelState } from "./model-state.ts";

/** The memory that the generations of all models hold together. It is updated in the only place that sees every
 *  state change, so a decision costs the same with ten thousand models as with one. A generation always counts
 *  for what its latest state says; no other code adds or subtracts bytes. */
export class HeldMemory {
  readonly #counted = new Map<object, ModelState>();
  #bytes = 0;
  #reservedBytes = 0;
  #releasingCount = 0;

  get bytes(): number {
    return this.#bytes;
  }

  /** The part of it that loads in progress have reserved. */
  get reservedBytes(): number {
    return this.#reservedBytes;
  }

  /** Generations whose memory may become free without an unload. */
  get releasingCount(): number {
    return this.#releasingCount;
  }

  /** Records that `generation` is now in `state`; undefined: it is gone. */
  note(generation: object, state: ModelState | undefined): void {
    const before = this.#counted.get(generation);
    if (before !== undefined) this.#count(before, -1);
    if (state === undefined) this.#counted.delete(generation);
    else {
      this.#counted.set(generation, state);
      this.#count(state, 1);
    }
  }

  #count(state: ModelState, sign: 1 | -1): void {
    this.#bytes += sign * heldBytes(state);
    if (state.tag === "loading") this.#reservedBytes += sign * state.reservedBytes;
    if (isReleasing(state)) this.#releasingCount += sign;
  }
}

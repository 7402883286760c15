import { heldBytes, isReleasing, type ModelState } from "./model-state.ts";

/** What the generations of all models hold together, kept up to date by the one place that sees all of
 *  their states change, so that a decision costs the same with ten thousand models as with one. What a
 *  generation counts for is always what its latest state says; nobody adds or takes away bytes. */
export class HeldMemory {
  readonly #counted = new Map<object, ModelState>();
  #bytes = 0;
  #reservedBytes = 0;
  #releasingCount = 0;

  get bytes(): number {
    return this.#bytes;
  }

  /** Those of them that loads under way have reserved. */
  get reservedBytes(): number {
    return this.#reservedBytes;
  }

  /** Generations whose bytes may come free without anybody asking. */
  get releasingCount(): number {
    return this.#releasingCount;
  }

  /** `generation` is in `state` from now on; undefined: it is gone. */
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

import { RuntimeError } from "../errors.ts";
import { heldBytes, isReleasing, type ModelState } from "./model-state.ts";

/** Decides who may take memory. Nothing is counted up and down: what is used is read off the states of
 *  the models each time, so no error path can make it drift. */
export class MemoryBudget {
  readonly capacityBytes: number;
  readonly #states: () => Iterable<ModelState>;

  /** `states`: the states of all generations that exist, read anew at each question. */
  constructor(capacityBytes: number, states: () => Iterable<ModelState>) {
    this.capacityBytes = capacityBytes;
    this.#states = states;
  }

  get usedBytes(): number {
    let sum = 0;
    for (const state of this.#states()) sum += heldBytes(state);
    return sum;
  }

  get freeBytes(): number {
    return this.capacityBytes - this.usedBytes;
  }

  /** "now": take it; "later": something that holds memory is about to give it back; "never": not unless
   *  somebody unloads a model. */
  canReserve(bytes: number): "now" | "later" | "never" {
    if (bytes <= this.freeBytes) return "now";
    if (bytes > this.capacityBytes) return "never";
    for (const state of this.#states()) if (isReleasing(state)) return "later";
    return "never";
  }

  /** The error for a model of `bytes` bytes that cannot have them, with the figures in its text. */
  refusal(modelId: string, bytes: number): RuntimeError {
    const text =
      bytes > this.capacityBytes
        ? `model '${modelId}' needs ${bytes} bytes, more than the whole capacity of ${this.capacityBytes}`
        : `model '${modelId}' needs ${bytes} bytes, ${this.usedBytes} of ${this.capacityBytes} are in use`;
    return new RuntimeError("over-budget", text);
  }
}

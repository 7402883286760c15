import { RuntimeError } from "../errors.ts";
import type { HeldMemory } from "./held-memory.ts";

/** Decides who may take memory. It counts nothing itself: what is used follows from the states of the
 *  models, so no error path can make it drift. */
export class MemoryBudget {
  readonly capacityBytes: number;
  readonly #held: Pick<HeldMemory, "bytes" | "releasingCount">;

  /** `held`: by all generations that exist, read anew at each question. */
  constructor(capacityBytes: number, held: Pick<HeldMemory, "bytes" | "releasingCount">) {
    this.capacityBytes = capacityBytes;
    this.#held = held;
  }

  get usedBytes(): number {
    return this.#held.bytes;
  }

  get freeBytes(): number {
    return this.capacityBytes - this.usedBytes;
  }

  /** "now": take it; "later": something that holds memory is about to give it back; "never": not unless
   *  somebody unloads a model. */
  canReserve(bytes: number): "now" | "later" | "never" {
    if (bytes <= this.freeBytes) return "now";
    if (bytes > this.capacityBytes) return "never";
    return this.#held.releasingCount > 0 ? "later" : "never";
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

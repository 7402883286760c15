import { RuntimeError } from "../../base/errors.ts";
import type { HeldMemory } from "./held-memory.ts";

/** Decides who may take memory. It counts nothing itself: what is used follows from the states of the
 *  models, so no error path can make it drift. */
export class MemoryBudget {
  readonly capacityBytes: number;
  readonly #held: Pick<HeldMemory, "bytes" | "releasingCount">;
  /** What loads of models whose size is not clear may grow into beyond what they reserve. */
  #lentBytes = 0;

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

  /** Whether a load that holds `reservedBytes` may keep a model of `bytes`. What others are about to give
   *  back counts: the memory is taken already, and to throw the model away would not make it free sooner. */
  canGrow(reservedBytes: number, bytes: number): boolean {
    if (bytes <= this.freeBytes + reservedBytes) return true;
    // The load itself is one of them.
    return bytes <= this.capacityBytes && this.#held.releasingCount > 1;
  }

  /** Lends what is free to a load that may turn out to need it, for as long as it does not know better; a second
   *  one at the same time gets what is left. Nothing of it is reserved: who reserves it first has it. */
  lend(): { readonly bytes: number; giveBack(): void } {
    const bytes = Math.max(0, this.freeBytes - this.#lentBytes);
    this.#lentBytes += bytes;
    let isLent = true;
    const giveBack = () => {
      if (isLent) this.#lentBytes -= bytes;
      isLent = false;
    };
    return { bytes, giveBack };
  }

  /** The error for a model of `bytes` bytes that cannot have them, with the figures in its text.
   *  `reservedBytes`: what it has already. */
  refusal(modelId: string, bytes: number, reservedBytes = 0): RuntimeError {
    const freeBytes = Math.max(0, this.freeBytes + reservedBytes);
    const text =
      bytes > this.capacityBytes
        ? `model '${modelId}' needs ${mib(bytes)}, more than the whole capacity of ${mib(this.capacityBytes)}`
        : `model '${modelId}' needs ${mib(bytes)}, ${mib(freeBytes)} of ${mib(this.capacityBytes)} are free`;
    return new RuntimeError("over-budget", text);
  }
}

/** Never a 0 for what is not nothing. */
function mib(bytes: number): string {
  const value = bytes / 1024 ** 2;
  return `${value >= 100 ? Math.round(value) : Number(value.toPrecision(3))} MiB`;
}

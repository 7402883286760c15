import { RuntimeError } from "../../base/errors.ts";
import type { HeldMemory } from "./held-memory.ts";

/** Decides which load may take memory. It counts nothing itself: usage follows from the states of the models,
 *  so no error path can make it drift. */
export class MemoryBudget {
  readonly capacityBytes: number;
  readonly #held: Pick<HeldMemory, "bytes" | "releasingCount">;
  /** Memory that loads of uncertain size may use beyond their reservation. */
  #lentBytes = 0;

  /** `held`: by all existing generations, read again for each decision. */
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

  /** "now": take it; "later": a holder of memory is about to free it; "never": not without an unload. */
  canReserve(bytes: number): "now" | "later" | "never" {
    if (bytes <= this.freeBytes) return "now";
    if (bytes > this.capacityBytes) return "never";
    return this.#held.releasingCount > 0 ? "later" : "never";
  }

  /** Whether a load that holds `reservedBytes` may keep a model of `bytes`. Memory that others are about to
   *  free counts: the model's memory is already in use, and discarding the model would not free it sooner. */
  canGrow(reservedBytes: number, bytes: number): boolean {
    if (bytes <= this.freeBytes + reservedBytes) return true;
    // The load itself is one of them.
    return bytes <= this.capacityBytes && this.#held.releasingCount > 1;
  }

  /** Lends free memory to a load that may need it, until the load knows its size; a second load at the same
   *  time gets the rest. Nothing is reserved: the first load that reserves it gets it. */
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

  /** The error for a model that needs `bytes` and cannot have them, with the figures. `reservedBytes`: what it
   *  already has. */
  refusal(modelId: string, bytes: number, reservedBytes = 0): RuntimeError {
    const freeBytes = Math.max(0, this.freeBytes + reservedBytes);
    const text =
      bytes > this.capacityBytes
        ? `model '${modelId}' needs ${mib(bytes)}, more than the whole capacity of ${mib(this.capacityBytes)}`
        : `model '${modelId}' needs ${mib(bytes)}, ${mib(freeBytes)} of ${mib(this.capacityBytes)} are free`;
    return new RuntimeError("over-budget", text);
  }
}

/** Never shows 0 for a value above 0. */
function mib(bytes: number): string {
  const value = bytes / 1024 ** 2;
  return `${value >= 100 ? Math.round(value) : Number(value.toPrecision(3))} MiB`;
}

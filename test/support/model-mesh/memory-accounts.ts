import { untilAborted } from "./until-aborted.ts";

interface Holder {
  /** Units of 8 KiB, 1 or more. */
  units: number;
}

/** ModelMesh's books of a runtime's memory: what its cache holds, by use, and what is on its way out.
 *  Part of the capacity is a buffer for the latter, so that loads need not wait for unloads. */
export class MemoryAccounts<T extends Holder> {
  readonly #bufferUnits: number;
  readonly #capacityUnits: number;
  /** Least recently used first. */
  readonly #held = new Set<T>();
  readonly #waiting = new Set<() => void>();
  #unloadingUnits = 0;
  /** Capacity that unloads never gave back. */
  lostUnits = 0;

  constructor(capacityUnits: number, bufferUnits: number) {
    this.#capacityUnits = capacityUnits;
    this.#bufferUnits = bufferUnits;
  }

  /** What the cache may hold. */
  get cacheUnits(): number {
    return this.#capacityUnits - this.#bufferUnits - this.lostUnits;
  }

  get heldUnits(): number {
    let sum = 0;
    for (const { units } of this.#held) sum += units;
    return sum;
  }

  get unloadingUnits(): number {
    return this.#unloadingUnits;
  }

  hold(holder: T): void {
    this.#held.add(holder);
  }

  resize(holder: T, units: number): void {
    holder.units = units;
    this.#wake();
  }

  touch(holder: T): void {
    if (this.#held.delete(holder)) this.#held.add(holder);
  }

  /** Who has to leave, least recently used first, for the cache to fit again. Never `newest`. */
  surplus(newest: T): T[] {
    let over = this.heldUnits - this.cacheUnits;
    const leaving: T[] = [];
    for (const holder of this.#held) {
      if (over <= 0) break;
      if (holder === newest) continue;
      leaving.push(holder);
      over -= holder.units;
    }
    return leaving;
  }

  /** The holder has nothing in the runtime (any more). */
  drop(holder: T): void {
    this.#held.delete(holder);
    this.#wake();
  }

  /** The holder is to be unloaded; `endUnload` has to follow. */
  startUnload(holder: T): void {
    this.#held.delete(holder);
    this.#unloadingUnits += holder.units;
  }

  endUnload(holder: T, freed: boolean): void {
    this.#unloadingUnits -= holder.units;
    if (!freed) this.lostUnits += holder.units;
    this.#wake();
  }

  /** Resolves when a load of `holder`, which is held, may start. Rejects when `signal` aborts. */
  async space(holder: T, signal: AbortSignal): Promise<void> {
    while (!this.#mayLoad(holder)) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.add(resolve);
      await untilAborted(promise, signal).finally(() => this.#waiting.delete(resolve));
    }
  }

  #mayLoad({ units }: T): boolean {
    if (this.#unloadingUnits + units <= this.#bufferUnits) return true;
    return this.heldUnits + this.#unloadingUnits + this.lostUnits <= this.#capacityUnits;
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
  }
}

import type { ClaimPlace, MemoryClaim, RunBudget } from "./budget.ts";
import { type RunNeed, totalOf } from "./need.ts";

/** A run that has been given its memory. */
export interface RunGrant {
  /** Gives the memory back. `keptBytes`: except what the host has not given back itself; undefined: that is
   *  not known anew. Idempotent. */
  end(keptBytes?: number): void;
}

/** The part of the budget that one host's runs take. A host executes one run at a time, so they take what the
 *  biggest needs, plus the inputs of all runs that were sent to it. */
export class HostShare {
  readonly #budget: RunBudget;
  readonly #runs = new Map<object, RunNeed>();
  #bytes = 0;
  /** What the host has kept of its runs' memory: it may be free in there, but counts as taken here. */
  #keptBytes = 0;
  #isClosed = false;
  /** Tells the host to give back what it keeps. */
  onPressure: () => void = () => {};

  constructor(budget: RunBudget) {
    this.#budget = budget;
  }

  get totalBytes(): number {
    return this.#budget.totalBytes;
  }

  /** What it keeps beyond what its runs need. */
  get keptBytes(): number {
    return this.#bytes - this.#neededBytes();
  }

  /** What its runs were admitted for, and have not given back. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether a run with this need could begin now. */
  fits(need: RunNeed): boolean {
    return this.#budget.admits({ growth: this.#growth(need), bytes: totalOf(need) });
  }

  /** What the host would take with a run of `need`. */
  bytesWith(need: RunNeed): number {
    return this.#bytes + this.#growth(need);
  }

  /** Undefined: not now. Otherwise gives up `place`, its place in line. */
  take(need: RunNeed, place: ClaimPlace | undefined): RunGrant | undefined {
    const change = { growth: this.#growth(need), bytes: totalOf(need) };
    if (!this.#budget.admits(change, place)) return undefined;
    const grant: RunGrant = { end: (keptBytes) => this.#end(grant, keptBytes) };
    this.#runs.set(grant, need);
    this.#bytes += change.growth;
    this.#budget.note(grant, change);
    if (place !== undefined) this.#budget.leave(place);
    return grant;
  }

  /** At the end of the line. */
  wait(need: RunNeed, claim: MemoryClaim): ClaimPlace {
    const place = this.#budget.enter(claim, totalOf(need));
    this.#budget.relieve();
    return place;
  }

  /** The run waiting there now needs this much. */
  waitsFor(place: ClaimPlace, need: RunNeed): void {
    place.item.bytes = totalOf(need);
    this.#budget.relieve();
  }

  /** The host now keeps no more than this. */
  keep(bytes: number): void {
    if (bytes >= this.#keptBytes) return;
    this.#keptBytes = bytes;
    this.#shrink();
  }

  /** A run was refused because it can never fit. */
  noteRefusal(): void {
    this.#budget.refusedCount++;
  }

  leave(place: ClaimPlace): void {
    this.#budget.leave(place);
  }

  /** The host is gone: its runs are over. */
  close(): void {
    this.#isClosed = true;
    this.#budget.forget(this);
    this.keep(0);
    for (const grant of [...this.#runs.keys()]) this.#end(grant, 0);
  }

  #growth(need: RunNeed): number {
    return this.#isClosed ? 0 : Math.max(0, this.#neededBytes(need) - this.#bytes);
  }

  /** For the runs that were sent to it, and another one. */
  #neededBytes(another?: RunNeed): number {
    let most = another?.runBytes ?? 0;
    let inputs = another?.inputBytes ?? 0;
    for (const { runBytes, inputBytes } of this.#runs.values()) {
      most = Math.max(most, runBytes);
      inputs += inputBytes;
    }
    return most + inputs;
  }

  #end(grant: object, keptBytes = this.#keptBytes): void {
    if (!this.#runs.delete(grant)) return;
    this.#keptBytes = keptBytes;
    this.#shrink(grant);
  }

  /** Shrinks the share to what its runs need, plus what the host has kept of earlier ones. */
  #shrink(grant?: object): void {
    this.#keptBytes = Math.min(this.#keptBytes, this.#bytes);
    const bytes = Math.min(this.#bytes, Math.max(this.#neededBytes(), this.#keptBytes));
    const freedBytes = this.#bytes - bytes;
    this.#bytes = bytes;
    this.#budget.giveBack(grant, freedBytes);
  }
}

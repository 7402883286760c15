import type { ClaimPlace, MemoryClaim, RunBudget } from "./run-budget.ts";
import { type RunNeed, totalOf } from "./run-need.ts";

/** A run that has its memory. */
export interface RunGrant {
  /** Gives it back. `keptBytes`: but for what the host has not given back itself; undefined: nothing new is known
   *  of that. Idempotent. */
  end(keptBytes?: number): void;
}

/** What the runs of one host take of the budget. It executes one at a time, so that they take what the biggest needs,
 *  and the inputs of all that it has got. */
export class HostShare {
  readonly #budget: RunBudget;
  readonly #runs = new Map<object, RunNeed>();
  #bytes = 0;
  /** What the host has not given back to the system of what runs took: it may be free in there, and is taken here. */
  #keptBytes = 0;
  #isClosed = false;
  /** Has the host give back what it keeps. */
  onPressure: () => void = () => {};

  constructor(budget: RunBudget) {
    this.#budget = budget;
  }

  get totalBytes(): number {
    return this.#budget.totalBytes;
  }

  /** What it keeps, beyond what its runs need. */
  get keptBytes(): number {
    return this.#bytes - this.#neededBytes();
  }

  /** What its runs were let take, and have not given back. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether a run that needs this could begin now. */
  fits(need: RunNeed): boolean {
    return this.#budget.admits({ growth: this.#growth(need), bytes: totalOf(need) });
  }

  /** What the host would take with a run of `need`. */
  bytesWith(need: RunNeed): number {
    return this.#bytes + this.#growth(need);
  }

  /** Undefined: not now. Else `place`, where it has waited, is left. */
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

  /** What waits there needs this by now. */
  waitsFor(place: ClaimPlace, need: RunNeed): void {
    place.item.bytes = totalOf(need);
    this.#budget.relieve();
  }

  /** It keeps no more than that by now. */
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

  /** The host is gone: whatever it has got is over. */
  close(): void {
    this.#isClosed = true;
    this.#budget.forget(this);
    this.keep(0);
    for (const grant of [...this.#runs.keys()]) this.#end(grant, 0);
  }

  #growth(need: RunNeed): number {
    return this.#isClosed ? 0 : Math.max(0, this.#neededBytes(need) - this.#bytes);
  }

  /** For the runs that it has got, and another one. */
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

  /** To what its runs need, and what it has kept of what earlier ones were let take. */
  #shrink(grant?: object): void {
    this.#keptBytes = Math.min(this.#keptBytes, this.#bytes);
    const bytes = Math.min(this.#bytes, Math.max(this.#neededBytes(), this.#keptBytes));
    const freedBytes = this.#bytes - bytes;
    this.#bytes = bytes;
    this.#budget.giveBack(grant, freedBytes);
  }
}

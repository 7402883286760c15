import type { ClaimPlace, MemoryClaim, RunBudget } from "./run-budget.ts";
import { type RunNeed, totalOf } from "./run-need.ts";

/** A run that has its memory. */
export interface RunGrant {
  /** Gives it back. Idempotent. */
  end(): void;
}

/** What the runs of one host take of the budget. It executes one at a time, so that they take what the biggest needs,
 *  and the inputs of all that it has got. */
export class HostShare {
  readonly #budget: RunBudget;
  readonly #runs = new Map<object, RunNeed>();
  #bytes = 0;
  #isClosed = false;

  constructor(budget: RunBudget) {
    this.#budget = budget;
  }

  get totalBytes(): number {
    return this.#budget.totalBytes;
  }

  /** What its runs were let take. */
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
    const grant: RunGrant = { end: () => this.#end(grant) };
    this.#runs.set(grant, need);
    this.#bytes += change.growth;
    this.#budget.note(grant, change);
    if (place !== undefined) this.#budget.leave(place);
    return grant;
  }

  /** At the end of the line. */
  wait(need: RunNeed, claim: MemoryClaim): ClaimPlace {
    return this.#budget.enter(claim, totalOf(need));
  }

  /** What waits there needs this by now. */
  waitsFor(place: ClaimPlace, need: RunNeed): void {
    place.item.bytes = totalOf(need);
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
    for (const grant of [...this.#runs.keys()]) this.#end(grant);
  }

  #growth(need: RunNeed): number {
    if (this.#isClosed) return 0;
    let most = need.runBytes;
    let inputs = need.inputBytes;
    for (const { runBytes, inputBytes } of this.#runs.values()) {
      most = Math.max(most, runBytes);
      inputs += inputBytes;
    }
    return Math.max(0, most + inputs - this.#bytes);
  }

  #end(grant: object): void {
    if (!this.#runs.delete(grant)) return;
    let most = 0;
    let inputs = 0;
    for (const { runBytes, inputBytes } of this.#runs.values()) {
      most = Math.max(most, runBytes);
      inputs += inputBytes;
    }
    const left = most + inputs;
    const freed = this.#bytes - left;
    this.#bytes = left;
    this.#budget.giveBack(grant, freed);
  }
}

import { Line, type Place } from "../../base/line.ts";
import type { RunMemory } from "../contract/engine.ts";
import { HostShare } from "./host-share.ts";

export interface RunBudgetOptions {
  /** What all runs of all hosts may take at once, in bytes. */
  readonly totalBytes: number;
  /** Default: the clock of this process. */
  readonly now?: () => number;
}

/** Whoever waits for memory. */
export interface MemoryClaim {
  /** False: nobody waits for the run any more. */
  readonly isWanted: boolean;
  /** There may be room. Asks again, or need not. */
  wake(): void;
}

/** One's place in the line for memory. */
export type ClaimPlace = Place<WaitingClaim>;

interface WaitingClaim {
  readonly claim: MemoryClaim;
  readonly sinceMs: number;
  /** What it asked for last. */
  bytes: number;
}

/** For so long others may overtake what waits. */
const patienceMs = 200;

/** The memory that runs may take at once, in all hosts together. A run takes its part or waits. While one waits, others
 *  that fit overtake it, but not for long: then its part is kept for it, and only what fits beside that goes on. So
 *  nobody waits for ever, and one that needs much does not stop all others. */
export class RunBudget implements RunMemory {
  readonly totalBytes: number;
  refusedCount = 0;
  readonly #now: () => number;
  readonly #shares = new Set<HostShare>();
  readonly #waiting = new Line<WaitingClaim>();
  #admittedBytes = 0;
  /** Of runs that began since the first in the line lost its patience, for that one. */
  readonly #overtaking = new Map<object, number>();
  #impatient: WaitingClaim | undefined;

  constructor({ totalBytes, now = () => performance.now() }: RunBudgetOptions) {
    this.totalBytes = totalBytes;
    this.#now = now;
  }

  get admittedBytes(): number {
    return this.#admittedBytes;
  }

  get waitingCount(): number {
    let count = 0;
    for (const { claim } of this.#waiting) if (claim.isWanted) count++;
    return count;
  }

  /** The part of one host. */
  share(): HostShare {
    const share = new HostShare(this);
    this.#shares.add(share);
    return share;
  }

  /** For `HostShare`: its host is gone. */
  forget(share: HostShare): void {
    this.#shares.delete(share);
  }

  /** For `HostShare`: whether a run may begin that needs `bytes`, with which its host takes `growth` more. `place`: its
   *  own in the line. */
  admits(
    { growth, bytes }: { readonly growth: number; readonly bytes: number },
    place?: ClaimPlace,
  ): boolean {
    if (growth > this.totalBytes - this.#admittedBytes) return false;
    const first = this.#firstImpatient();
    if (first === undefined || first === place?.item) return true;
    // All of it counts: what a host has for a run already, it must not hold on to by the next.
    let passedBytes = bytes;
    for (const overtaking of this.#overtaking.values()) passedBytes += overtaking;
    return first.bytes + passedBytes <= this.totalBytes;
  }

  /** For `HostShare`. */
  note(
    grant: object,
    { growth, bytes }: { readonly growth: number; readonly bytes: number },
  ): void {
    this.#admittedBytes += growth;
    if (this.#firstImpatient() !== undefined) this.#overtaking.set(grant, bytes);
  }

  /** For `HostShare`: a run has ended, its host takes so much less. */
  giveBack(grant: object | undefined, bytes: number): void {
    this.#admittedBytes -= bytes;
    if (grant !== undefined) this.#overtaking.delete(grant);
    if (this.#waiting.size > 0) this.#wakeAll();
  }

  /** For `HostShare`. */
  enter(claim: MemoryClaim, bytes: number): ClaimPlace {
    return this.#waiting.add({ claim, sinceMs: this.#now(), bytes });
  }

  /** For `HostShare`: somebody waits, for whom hosts may have memory that they do not need. */
  relieve(): void {
    for (const share of this.#shares) if (share.keptBytes > 0) share.onPressure();
  }

  /** For `HostShare`: it waits no more. */
  leave(place: ClaimPlace): void {
    const wasKept = this.#impatient === place.item;
    place.leave();
    if (!wasKept) return;
    this.#impatient = undefined;
    this.#overtaking.clear();
    // What was kept for it is there for the others.
    if (this.#waiting.size > 0) this.#wakeAll();
  }

  #wakeAll(): void {
    for (const { claim } of [...this.#waiting]) {
      if (this.#admittedBytes >= this.totalBytes) return;
      claim.wake();
    }
  }

  #firstImpatient(): WaitingClaim | undefined {
    let { first } = this.#waiting;
    while (first?.claim.isWanted === false) {
      this.#waiting.find((each) => each === first)?.leave();
      first = this.#waiting.first;
    }
    if (first === undefined || this.#now() - first.sinceMs < patienceMs) return undefined;
    if (this.#impatient !== first) {
      this.#impatient = first;
      this.#overtaking.clear();
    }
    return first;
  }
}

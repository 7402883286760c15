import { type LinkedNode, LinkedQueue } from "../../base/linked-queue.ts";
import type { RunMemory } from "../contract/engine.ts";
import { HostShare } from "./host-share.ts";

export interface RunBudgetOptions {
  /** What all runs in all hosts may take at once, in bytes. */
  readonly totalBytes: number;
  /** Default: this process's clock. */
  readonly now?: () => number;
}

/** A run that waits for memory. */
export interface MemoryClaim {
  /** False: no client waits for the run any more. */
  readonly isWanted: boolean;
  /** There may be room. The waiter may ask again. */
  wake(): void;
}

/** A waiter's place in the line for memory. */
export type ClaimPlace = LinkedNode<WaitingClaim>;

interface WaitingClaim {
  readonly claim: MemoryClaim;
  readonly sinceMs: number;
  /** What it last asked for. */
  bytes: number;
}

/** How long others may overtake a waiter. */
const patienceMs = 200;

/** The memory that runs may take at once, in all hosts together. A run takes its part or waits. While one
 *  waits, others that fit overtake it, but not for long: then its part is reserved, and only runs that fit
 *  beside it proceed. So no run waits for ever, and a run with a large need does not stop all others. */
export class RunBudget implements RunMemory {
  readonly totalBytes: number;
  refusedCount = 0;
  readonly #now: () => number;
  readonly #shares = new Set<HostShare>();
  readonly #waiting = new LinkedQueue<WaitingClaim>();
  #admittedBytes = 0;
  /** Bytes of the runs that have begun since the first in line lost its patience, by grant. */
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

  /** One host's part. */
  share(): HostShare {
    const share = new HostShare(this);
    this.#shares.add(share);
    return share;
  }

  /** For `HostShare`: its host is gone. */
  forget(share: HostShare): void {
    this.#shares.delete(share);
  }

  /** For `HostShare`: whether a run that needs `bytes` may begin, for which its host takes `growth` more.
   *  `place`: its own place in line. */
  admits(
    { growth, bytes }: { readonly growth: number; readonly bytes: number },
    place?: ClaimPlace,
  ): boolean {
    if (growth > this.totalBytes - this.#admittedBytes) return false;
    const first = this.#firstImpatient();
    if (first === undefined || first === place?.item) return true;
    // All of it counts: what a host already has for a run, it must not keep by starting the next one.
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

  /** For `HostShare`: a run has ended, and its host takes this much less. */
  giveBack(grant: object | undefined, bytes: number): void {
    this.#admittedBytes -= bytes;
    if (grant !== undefined) this.#overtaking.delete(grant);
    if (this.#waiting.size > 0) this.#wakeAll();
  }

  /** For `HostShare`. */
  enter(claim: MemoryClaim, bytes: number): ClaimPlace {
    return this.#waiting.add({ claim, sinceMs: this.#now(), bytes });
  }

  /** For `HostShare`: a run waits, and hosts may hold memory that they do not need. */
  relieve(): void {
    for (const share of this.#shares) if (share.keptBytes > 0) share.onPressure();
  }

  /** For `HostShare`: it no longer waits. */
  leave(place: ClaimPlace): void {
    const wasKept = this.#impatient === place.item;
    place.leave();
    if (!wasKept) return;
    this.#impatient = undefined;
    this.#overtaking.clear();
    // What was reserved for it is available to the others.
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

import type { CancelSignal } from "../../base/cancel-signal.ts";
import type { MemoryBudget } from "./memory-budget.ts";

export interface LoadTicket {
  readonly modelId: string;
  /** An upper bound of the memory that the load will take. */
  readonly bytes: number;
  /** Called at the moment of admission, before any other decision: must make `bytes` count. */
  readonly onAdmit: () => void;
  /** Removes the ticket from the queue, which rejects with the signal's reason. */
  readonly signal: CancelSignal;
}

interface Waiting extends LoadTicket {
  readonly admit: () => void;
  readonly refuse: (reason: unknown) => void;
}

/** Admits loads in order of arrival, a bounded number at once, and only while their memory fits. Decisions are
 *  short and made one at a time; the loads themselves run in parallel. */
export class LoadQueue {
  readonly #concurrency: number;
  readonly #budget: MemoryBudget;
  readonly #waiting: Waiting[] = [];
  #running = 0;

  constructor(concurrency: number, budget: MemoryBudget) {
    this.#concurrency = concurrency;
    this.#budget = budget;
  }

  get runningCount(): number {
    return this.#running;
  }

  get waitingCount(): number {
    return this.#waiting.length;
  }

  /** Resolves on admission with a function that returns the slot; call it when nothing of the load is running
   *  any more. Rejects with "over-budget" if the memory cannot become free without an unload, or with the
   *  signal's reason. */
  enter(ticket: LoadTicket): Promise<() => void> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        const index = this.#waiting.indexOf(waiting);
        if (index >= 0) this.#waiting.splice(index, 1);
        reject(ticket.signal.reason);
        // The next load in line may fit where this one did not.
        this.pump();
      };
      const settle = () => ticket.signal.removeEventListener("abort", leave);
      const waiting: Waiting = {
        ...ticket,
        admit: () => {
          settle();
          // Take the slot first: onAdmit changes a state, which makes this queue decide again.
          const release = this.#occupy();
          ticket.onAdmit();
          resolve(release);
        },
        refuse: (reason) => {
          settle();
          reject(reason);
        },
      };
      if (ticket.signal.aborted) {
        reject(ticket.signal.reason);
        return;
      }
      ticket.signal.addEventListener("abort", leave, { once: true });
      this.#waiting.push(waiting);
      this.pump();
    });
  }

  /** Decides again. Call it whenever a model's state has changed. */
  pump(): void {
    for (;;) {
      const first = this.#waiting[0];
      if (first === undefined || this.#running >= this.#concurrency) return;
      const verdict = this.#budget.canReserve(first.bytes);
      if (verdict === "later") return;
      this.#waiting.shift();
      if (verdict === "now") first.admit();
      else first.refuse(this.#budget.refusal(first.modelId, first.bytes));
    }
  }

  #occupy(): () => void {
    this.#running++;
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#running--;
      this.pump();
    };
  }
}

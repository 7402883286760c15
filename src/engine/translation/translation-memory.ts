import type { CancelSignal } from "../../base/cancel-signal.ts";
import type { RunBudget } from "../run-memory/budget.ts";

/** What translators may take. */
export interface TranslationMemory {
  /** The most that there can be. */
  readonly totalBytes: number;
  /** Resolves when they are free with the function that gives them back. Rejects with the signal's reason. */
  take(bytes: number, signal: CancelSignal): Promise<() => void>;
  /** The same, at once; undefined if they are not free, or others wait for memory. */
  takeNow(bytes: number): (() => void) | undefined;
}

/** Translators take from the memory for runs, and wait in the same line: like a run, a translation takes memory for
 *  a moment. `budget` undefined: no limit. */
export function translationMemory(budget: RunBudget | undefined): TranslationMemory {
  if (budget === undefined) {
    const takeNow = () => () => {};
    return { totalBytes: Number.MAX_SAFE_INTEGER, take: async () => takeNow(), takeNow };
  }
  return {
    totalBytes: budget.totalBytes,
    take: (bytes, signal) => takeRunMemory(budget, bytes, signal),
    takeNow: (bytes) => takeFreeMemory(budget, bytes),
  };
}

function takeFreeMemory(budget: RunBudget, bytes: number): (() => void) | undefined {
  if (budget.waitingCount > 0) return undefined;
  const share = budget.share();
  const grant = share.take({ runBytes: bytes, inputBytes: 0 }, undefined);
  if (grant === undefined) {
    share.close();
    return undefined;
  }
  return () => {
    grant.end(0);
    share.close();
  };
}

function takeRunMemory(
  budget: RunBudget,
  bytes: number,
  signal: CancelSignal,
): Promise<() => void> {
  const share = budget.share();
  const need = { runBytes: bytes, inputBytes: 0 };
  const granted = (grant: { end(keptBytes?: number): void }) => () => {
    grant.end(0);
    share.close();
  };
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const grant = share.take(need, undefined);
    if (grant !== undefined) {
      resolve(granted(grant));
      return;
    }
    const settle = (end: () => void) => {
      signal.removeEventListener("abort", onAbort);
      end();
    };
    const claim = {
      get isWanted() {
        return !signal.aborted;
      },
      wake: () => {
        const late = share.take(need, place);
        if (late !== undefined) settle(() => resolve(granted(late)));
      },
    };
    const onAbort = () => {
      share.leave(place);
      share.close();
      reject(signal.reason);
    };
    const place = share.wait(need, claim);
    signal.addEventListener("abort", onAbort, { once: true });
  });
}

import type { CancelSignal } from "../../base/cancel-signal.ts";
import type { RunBudget } from "../run-memory/budget.ts";
import type { TranslationMemory } from "./translations.ts";

/** Translators take from the memory for runs, and wait in the same line: like a run, a translation takes memory for
 *  a moment. `budget` undefined: no limit. */
export function translationMemory(budget: RunBudget | undefined): TranslationMemory {
  if (budget === undefined) {
    return { totalBytes: Number.MAX_SAFE_INTEGER, take: async () => () => {} };
  }
  return {
    totalBytes: budget.totalBytes,
    take: (bytes, signal) => takeRunMemory(budget, bytes, signal),
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

import { type ErrorKind, RuntimeError } from "../../base/errors.ts";
import { Histogram } from "../../base/histogram.ts";
import type { ModelRecord } from "../lifecycle/model-record.ts";
import { isWantedEnd } from "../lifecycle/model-state.ts";

/** "cancelled": its clients gave up, or it was replaced or unloaded before it finished. */
export type LoadOutcome = "success" | "failure" | "cancelled";

/** The last known state of a generation. */
type Seen =
  | { readonly tag: "loading" | "serving" | "lost" }
  | { readonly tag: "leaving"; readonly sinceMs: number };

const loadBoundsMs = [
  10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 120_000, 300_000,
];
const unloadBoundsMs = [1, 5, 10, 50, 100, 500, 1_000, 5_000, 10_000, 30_000, 60_000];

/** Counts the outcomes of generations. Durations in milliseconds. */
export class LifecycleMetrics {
  /** From the call to ready, or to the end of a load that failed or was cancelled. */
  readonly loads: Readonly<Record<LoadOutcome, Histogram>> = {
    success: new Histogram(loadBoundsMs),
    failure: new Histogram(loadBoundsMs),
    cancelled: new Histogram(loadBoundsMs),
  };
  /** Failed loads, and models that were given up after their hosts died; "unknown": a bug in this program. */
  readonly failures = new Map<ErrorKind | "unknown", number>();
  /** From the end of service until the memory was free. */
  readonly unloads = new Histogram(unloadBoundsMs);
  /** Models whose host died while they served, and those that were loaded again after it. */
  lostCount = 0;
  recoveredCount = 0;
  readonly #seen = new Map<number, Seen>();

  /** `record` has changed its state, or is gone. */
  follow(record: ModelRecord, isGone: boolean): void {
    const { generation, state } = record;
    const seen = this.#seen.get(generation) ?? { tag: "loading" };
    if (isGone) {
      this.#seen.delete(generation);
      this.#end(record, seen);
      return;
    }
    switch (state.tag) {
      case "ready":
        if (seen.tag === "loading") this.loads.success.observe(ageMs(record));
        if (seen.tag === "lost") this.recoveredCount++;
        this.#seen.set(generation, { tag: "serving" });
        break;
      case "reloading":
        this.lostCount++;
        this.#seen.set(generation, { tag: "lost" });
        break;
      case "draining":
      case "unloading":
        // A stopped load does not count as an unload.
        if (seen.tag === "serving" || seen.tag === "lost") {
          this.#seen.set(generation, { tag: "leaving", sinceMs: performance.now() });
        }
        break;
      case "queued":
      case "loading":
      case "failed":
        break;
    }
  }

  #end(record: ModelRecord, seen: Seen): void {
    if (seen.tag === "leaving") {
      this.unloads.observe(performance.now() - seen.sinceMs);
      return;
    }
    const { state } = record;
    const reason = "reason" in state ? state.reason : undefined;
    const isWanted = isWantedEnd(reason);
    if (seen.tag === "loading") {
      this.loads[isWanted ? "cancelled" : "failure"].observe(ageMs(record));
    }
    if (isWanted) return;
    const kind = reason instanceof RuntimeError ? reason.kind : "unknown";
    this.failures.set(kind, (this.failures.get(kind) ?? 0) + 1);
  }
}

function ageMs(record: ModelRecord): number {
  return performance.now() - record.createdAtMs;
}

import { describeError, RuntimeError } from "../../base/errors.ts";
import type { RecentFailure } from "../contract/runtime-feed.ts";

const maxKept = 5;

/** The latest failures of one model. Failures caused by the request or its client are left out. */
export class RecentFailures {
  // Most models have none.
  #kept: RecentFailure[] | undefined;

  note(reason: unknown): void {
    const kind = reason instanceof RuntimeError ? reason.kind : "unforeseen";
    if (kind === "invalid-argument" || kind === "cancelled") return;
    this.#kept ??= [];
    this.#kept.push({ timeMs: Date.now(), kind, reason: describeError(reason) });
    if (this.#kept.length > maxKept) this.#kept.shift();
  }

  /** Oldest first. */
  all(): readonly RecentFailure[] {
    return this.#kept ?? [];
  }
}

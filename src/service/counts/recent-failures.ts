import { describeError, type ErrorKind, RuntimeError } from "../../base/errors.ts";

/** An inference that failed. */
export interface RecentFailure {
  /** When, in milliseconds since 1970. */
  readonly timeMs: number;
  /** "unforeseen": it was nothing that is expected to happen. */
  readonly kind: ErrorKind | "unforeseen";
  /** One line. */
  readonly reason: string;
}

const maxKept = 5;

/** The last failures of one model. What is the fault of a request or of its caller is left out. */
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

import { getEventListeners } from "node:events";
import { type ErrorKind, RuntimeError } from "../../src/base/errors.ts";
import type { Violations } from "./violation.ts";

/** What a caller says when it leaves. */
class CallerLeft extends Error {}

/** How a call ended: with a value, with a deliberate failure, or because its caller left. */
export type Ending<Value> =
  | { readonly tag: "value"; readonly value: Value }
  | { readonly tag: "refused"; readonly kind: ErrorKind; readonly message: string }
  | { readonly tag: "left" };

export interface CallOptions<Value> {
  readonly label: string;
  /** Whether it must end as soon as its caller leaves. */
  readonly endsWhenLeft: boolean;
  readonly make: (signal: AbortSignal) => Promise<Value>;
  /** Looks at the ending in the very moment in which the caller hears of it. */
  readonly judge: (ending: Ending<Value>) => void;
}

interface Call {
  readonly label: string;
  readonly caller: AbortController;
  readonly endsWhenLeft: boolean;
}

/** Everybody who waits for an answer. */
export class Callers {
  readonly #violations: Violations;
  readonly #open = new Set<Call>();

  constructor(violations: Violations) {
    this.#violations = violations;
  }

  get openLabels(): string[] {
    return [...this.#open].map(({ label }) => label);
  }

  get openCount(): number {
    return this.#open.size;
  }

  /** Calls that should have ended already, if promises have reacted: their callers have left. */
  get overdueLabels(): string[] {
    return [...this.#open]
      .filter(({ caller, endsWhenLeft }) => endsWhenLeft && caller.signal.aborted)
      .map(({ label }) => label);
  }

  start<Value>({ label, endsWhenLeft, make, judge }: CallOptions<Value>): void {
    const call: Call = { label, caller: new AbortController(), endsWhenLeft };
    const { signal } = call.caller;
    this.#open.add(call);
    const end = (ending: Ending<Value>) => {
      this.#open.delete(call);
      judge(ending);
      this.#violations.expect(
        getEventListeners(signal, "abort").length === 0,
        "a call that has ended listens to its caller no longer",
        () => label,
      );
    };
    make(signal).then(
      (value) => end({ tag: "value", value }),
      (reason: unknown) => {
        if (reason instanceof CallerLeft && reason === signal.reason) end({ tag: "left" });
        else if (reason instanceof RuntimeError) {
          const { kind, message } = reason;
          this.#violations.expect(
            kind !== "illegal-transition",
            "only steps of the table are made",
            () => `${label} ended in ${message}`,
          );
          end({ tag: "refused", kind, message });
        } else {
          this.#open.delete(call);
          this.#violations.report(
            "every failure is a deliberate one",
            `${label} ended in ${reason instanceof Error ? reason.stack : reason}`,
          );
        }
      },
    );
  }

  /** One of the callers gives up. */
  leave(pick: number): string | undefined {
    const calls = [...this.#open].filter(({ caller }) => !caller.signal.aborted);
    const call = calls[pick % calls.length];
    if (call === undefined) return undefined;
    call.caller.abort(new CallerLeft(`the caller of ${call.label} left`));
    return `the caller of ${call.label} leaves`;
  }
}

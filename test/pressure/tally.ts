/** How calls of one way ended. */
export class Tally {
  /** "answered", "gone" for calls that their caller gave up, "cut" for those whose connection the server closed, or
   *  the code of a refusal -> calls. */
  readonly ends = new Map<string, number>();
  /** What should not have happened, each with how often. */
  readonly faults = new Map<string, number>();
  /** What the server said last with each code. */
  readonly lastTexts = new Map<string, string>();
  readonly #refusals: ReadonlySet<string>;

  /** `refusals`: the ends that are right for calls that need not be answered. */
  constructor(refusals: readonly string[]) {
    this.#refusals = new Set(refusals);
  }

  get calls(): number {
    let calls = 0;
    for (const count of this.ends.values()) calls += count;
    return calls;
  }

  /** `must`: the call fits beside everything else that this way does, so that it has to be answered. `text`: what the
   *  server said. */
  count(end: CallEnd, { must = false }: { must?: boolean } = {}): void {
    const { code, text = "" } = end;
    this.ends.set(code, (this.ends.get(code) ?? 0) + 1);
    if (text !== "") this.lastTexts.set(code, text.slice(0, 300));
    const isRight = code === "answered" || code === "gone" || (!must && this.#refusals.has(code));
    if (!isRight) this.complain(`${must ? "a call that fits: " : ""}${code} ${text}`.trim());
  }

  complain(fault: string): void {
    // Figures in messages differ from call to call.
    const kind = fault
      .slice(0, 300)
      .replaceAll(/\d[\d.,]*/g, (digits) => (digits.length > 3 ? "N" : digits));
    this.faults.set(kind, (this.faults.get(kind) ?? 0) + 1);
  }
}

/** How one call ended. */
export interface CallEnd {
  readonly code: string;
  readonly text?: string;
}

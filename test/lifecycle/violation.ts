/** A promise of the lifecycle that was broken. */
export class LifecycleViolation extends Error {
  /** The promise, in the same words each time. */
  readonly rule: string;

  constructor(rule: string, found: string) {
    super(`${rule}: ${found}`);
    this.name = "LifecycleViolation";
    this.rule = rule;
  }
}

/** Keeps the first violation until somebody looks; those that follow are mostly consequences. */
export class Violations {
  #first: LifecycleViolation | undefined;

  report(rule: string, found: string): void {
    this.#first ??= new LifecycleViolation(rule, found);
  }

  expect(holds: boolean, rule: string, found: () => string): void {
    if (!holds) this.report(rule, found());
  }

  throwFirst(): void {
    if (this.#first !== undefined) throw this.#first;
  }
}

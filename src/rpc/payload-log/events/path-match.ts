import type { PathStep } from "../../../config/payload-log/redaction-rules.ts";

/** How far one value's place agrees with JSON paths. */
export class PathMatch {
  readonly #paths: readonly (readonly PathStep[])[];
  /** For each path, how many of its steps lead here: there may be several ways. */
  readonly #taken: readonly ReadonlySet<number>[];

  constructor(
    paths: readonly (readonly PathStep[])[],
    taken: readonly ReadonlySet<number>[] = paths.map(() => new Set([0])),
  ) {
    this.#paths = paths;
    this.#taken = taken;
  }

  /** Whether a path leads to this value. */
  get isWhole(): boolean {
    return this.#paths.some((steps, at) => this.#taken[at]?.has(steps.length));
  }

  /** Of the member or the element. */
  below(key: string | number): PathMatch {
    if (this.#paths.length === 0) return this;
    const taken = this.#paths.map((steps, at) => {
      const next = new Set<number>();
      for (const count of this.#taken[at] ?? []) {
        const step = steps[count];
        if (step === undefined) continue;
        if (step.isDeep) next.add(count);
        if (step.key === "*" || step.key === key) next.add(count + 1);
      }
      return next;
    });
    return new PathMatch(this.#paths, taken);
  }
}

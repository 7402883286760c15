/** A change that was seen, and is not taken yet. */
export interface Unsettled {
  /** The model. */
  readonly name: string;
  /** When this very state was first seen: milliseconds since 1970. */
  readonly sinceMs: number;
}

interface Seen extends Unsettled {
  /** Undefined: it is gone. */
  readonly state: string | undefined;
}

/** Tells changes that are complete from those that are still being made: a change counts once two looks in a row
 *  have found the same. */
export class Settling {
  readonly #seen = new Map<string, Seen>();

  /** `found`: what the disk has, by model; `taken`: what was loaded, or tried, of each. Returns the models whose
   *  state differs from what was taken, and is what the look before this one found. */
  look(
    found: ReadonlyMap<string, string>,
    taken: ReadonlyMap<string, string>,
    nowMs: number,
  ): string[] {
    const settled: string[] = [];
    for (const name of new Set([...found.keys(), ...taken.keys()])) {
      const state = found.get(name);
      if (state === taken.get(name)) {
        this.#seen.delete(name);
        continue;
      }
      const before = this.#seen.get(name);
      if (before !== undefined && before.state === state) settled.push(name);
      else this.#seen.set(name, { name, state, sinceMs: nowMs });
    }
    // What came and went between two looks.
    for (const name of this.#seen.keys()) {
      if (!found.has(name) && !taken.has(name)) this.#seen.delete(name);
    }
    return settled;
  }

  /** The model's change to `state` was taken. */
  drop(name: string, state: string | undefined): void {
    if (this.#seen.get(name)?.state === state) this.#seen.delete(name);
  }

  /** Oldest first. */
  waiting(): Unsettled[] {
    return [...this.#seen.values()]
      .map(({ name, sinceMs }) => ({ name, sinceMs }))
      .sort((a, b) => a.sinceMs - b.sinceMs);
  }

  get count(): number {
    return this.#seen.size;
  }
}

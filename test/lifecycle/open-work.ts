/** Something that the runtime has asked of the world and that has not been answered yet. */
export interface OpenWork {
  readonly label: string;
  /** Answers. `outcome` from 0 to 99 picks how: 0 is plain success, and more is worse. Returns what
   *  happened, in words. */
  settle(outcome: number): string;
}

/** Everything that is under way outside of the code under test, oldest first. Nothing of it happens
 *  until somebody settles it, so that a script alone decides the order of all events. */
export class OpenWorks {
  readonly #open: OpenWork[] = [];

  get count(): number {
    return this.#open.length;
  }

  get labels(): string[] {
    return this.#open.map(({ label }) => label);
  }

  add(work: OpenWork): void {
    this.#open.push(work);
  }

  remove(work: OpenWork): void {
    const index = this.#open.indexOf(work);
    if (index >= 0) this.#open.splice(index, 1);
  }

  /** Settles one of what is open, if anything is. */
  settle(pick: number, outcome: number): string | undefined {
    const work = this.#open[pick % this.#open.length];
    if (work === undefined) return undefined;
    this.remove(work);
    return `${work.label}: ${work.settle(outcome)}`;
  }
}

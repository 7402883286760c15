import type { Changes } from "../contract/changes.ts";

export interface JournalLimits {
  /** Events that are kept. */
  readonly maxEvents: number;
  /** Removals that are remembered. */
  readonly maxRemovals: number;
}

/** A table and a log of events, with the revision of every change. A reader keeps only the revision that it has
 *  seen: applying `since` of it to the reader's copy gives the current state, with every event once, whatever
 *  it has not read in between. Memory is bounded by the rows and the limits, however many readers there are and
 *  however slow they are. */
export class ChangeJournal<Row, Event> {
  readonly #limits: JournalLimits;
  #revision = 0;
  /** The last revision of which a change has been forgotten. */
  #floor = 0;
  // Every change is removed and appended at the end, so that each of these is in the order of revisions.
  readonly #rows = new Map<number, { readonly row: Row; readonly revision: number }>();
  /** Key → the revision of its removal. */
  readonly #removals = new Map<number, number>();
  readonly #events: { readonly event: Event; readonly revision: number }[] = [];
  /** Responses at the current revision, by the revision asked for: many readers ask for the same. */
  readonly #answers = new Map<number, Changes<Row, Event>>();

  constructor(limits: JournalLimits) {
    this.#limits = limits;
  }

  /** Increases with every change. */
  get revision(): number {
    return this.#revision;
  }

  /** Records a change to data that is kept elsewhere, and returns the new revision. */
  advance(): number {
    return this.#next();
  }

  row(key: number): Row | undefined {
    return this.#rows.get(key)?.row;
  }

  put(key: number, row: Row): void {
    const revision = this.#next();
    this.#rows.delete(key);
    this.#removals.delete(key);
    this.#rows.set(key, { row, revision });
  }

  /** Keys may come back. Does nothing if there is no such row. */
  remove(key: number): void {
    if (!this.#rows.delete(key)) return;
    this.#removals.set(key, this.#next());
    if (this.#removals.size <= this.#limits.maxRemovals) return;
    const [oldest] = this.#removals;
    if (oldest === undefined) return;
    this.#removals.delete(oldest[0]);
    this.#floor = Math.max(this.#floor, oldest[1]);
  }

  log(event: Event): void {
    this.#events.push({ event, revision: this.#next() });
    if (this.#events.length <= this.#limits.maxEvents) return;
    const oldest = this.#events.shift();
    this.#floor = Math.max(this.#floor, oldest?.revision ?? 0);
  }

  /** The complete current state. The same object as long as nothing changes. */
  all(): Changes<Row, Event> {
    return this.#answer(-1, () => ({
      revision: this.#revision,
      rows: Array.from(this.#rows.values(), ({ row }) => row),
      removed: [],
      events: this.#events.map(({ event }) => event),
    }));
  }

  /** The changes since `revision`, which was once the current one; undefined if they are not all kept any more,
   *  and only `all` will do. The same object for all readers that ask for the same before the next change. */
  since(revision: number): Changes<Row, Event> | undefined {
    if (revision < this.#floor) return undefined;
    return this.#answer(revision, () => {
      const isNew = (entry: { readonly revision: number }) => entry.revision > revision;
      const rows = [...this.#rows.values()].filter(isNew).map(({ row }) => row);
      const firstNew = this.#events.findLastIndex((entry) => !isNew(entry)) + 1;
      return {
        revision: this.#revision,
        rows,
        removed: [...this.#removals].filter(([, at]) => at > revision).map(([key]) => key),
        events: this.#events.slice(firstNew).map(({ event }) => event),
      };
    });
  }

  #next(): number {
    this.#answers.clear();
    return ++this.#revision;
  }

  #answer(revision: number, make: () => Changes<Row, Event>): Changes<Row, Event> {
    let answer = this.#answers.get(revision);
    if (answer === undefined) {
      answer = make();
      this.#answers.set(revision, answer);
    }
    return answer;
  }
}

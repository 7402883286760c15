import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Changes } from "../../../../src/service/contract/changes.ts";
import { ChangeJournal } from "../../../../src/service/watch/change-journal.ts";

type Row = { readonly key: number; readonly value: number };
type Update = Changes<Row, number>;

/** Somebody who knows nothing but what the journal has told him. */
class Replica {
  readonly rows = new Map<number, Row>();
  readonly events: number[] = [];
  revision = -1;
  snapshots = 0;

  /** Looks at the journal as watchers do. */
  look(journal: ChangeJournal<Row, number>): void {
    const update = this.revision < 0 ? undefined : journal.since(this.revision);
    if (update === undefined) this.#replace(journal.all());
    else this.#apply(update);
  }

  #replace({ revision, rows, events }: Update): void {
    this.snapshots++;
    this.rows.clear();
    this.#put(rows);
    // Those that were seen before are in the snapshot again.
    const last = this.events.at(-1) ?? 0;
    this.events.push(...events.filter((event) => event > last));
    this.revision = revision;
  }

  #apply({ revision, rows, removed, events }: Update): void {
    for (const key of removed) this.rows.delete(key);
    this.#put(rows);
    this.events.push(...events);
    this.revision = revision;
  }

  #put(rows: readonly Row[]): void {
    for (const row of rows) this.rows.set(row.key, row);
  }
}

const key = fc.integer({ min: 0, max: 7 });
const step = fc.oneof(
  fc.record({ do: fc.constant("put" as const), key }),
  fc.record({ do: fc.constant("remove" as const), key }),
  fc.record({ do: fc.constant("log" as const) }),
  fc.record({ do: fc.constant("advance" as const) }),
  fc.record({ do: fc.constant("look" as const), who: fc.integer({ min: 0, max: 2 }) }),
);

describe("a journal of changes", () => {
  it("leaves every reader, however often he looks, with exactly what is there", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120, size: "max" }), (steps) => {
        const journal = new ChangeJournal<Row, number>({ maxEvents: 1_000, maxRemovals: 1_000 });
        const readers = [new Replica(), new Replica(), new Replica()];
        const table = new Map<number, Row>();
        const events: number[] = [];
        for (const [value, each] of steps.entries()) {
          if (each.do === "put") {
            table.set(each.key, { key: each.key, value });
            journal.put(each.key, { key: each.key, value });
          } else if (each.do === "remove") {
            table.delete(each.key);
            journal.remove(each.key);
          } else if (each.do === "log") {
            events.push(events.length + 1);
            journal.log(events.length);
          } else if (each.do === "advance") journal.advance();
          else readers[each.who]?.look(journal);
        }
        for (const reader of readers) {
          reader.look(journal);
          assert.deepEqual(new Map([...reader.rows].sort()), new Map([...table].sort()));
          assert.deepEqual(reader.events, events);
          assert.equal(reader.revision, journal.revision);
          assert.equal(reader.snapshots, 1, "deltas were enough");
        }
      }),
    );
  });

  it("with little memory sends who is too far behind a new snapshot, which is right as well", () => {
    let laterSnapshots = 0;
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120, size: "max" }), (steps) => {
        const journal = new ChangeJournal<Row, number>({ maxEvents: 3, maxRemovals: 2 });
        const readers = [new Replica(), new Replica(), new Replica()];
        const table = new Map<number, Row>();
        let lastEvent = 0;
        for (const [value, each] of steps.entries()) {
          if (each.do === "put") {
            table.set(each.key, { key: each.key, value });
            journal.put(each.key, { key: each.key, value });
          } else if (each.do === "remove") {
            table.delete(each.key);
            journal.remove(each.key);
          } else if (each.do === "log") journal.log(++lastEvent);
          else if (each.do === "look") readers[each.who]?.look(journal);
        }
        for (const reader of readers) {
          reader.look(journal);
          laterSnapshots += reader.snapshots - 1;
          assert.deepEqual(new Map([...reader.rows].sort()), new Map([...table].sort()));
          assert.deepEqual(
            reader.events,
            [...new Set(reader.events)].sort((a, b) => a - b),
            "in order, and once",
          );
          const latest = Array.from({ length: Math.min(3, lastEvent) }, (_, at) => lastEvent - at);
          for (const event of latest) assert.ok(reader.events.includes(event), "the latest events");
        }
      }),
      { numRuns: 300 },
    );
    assert.ok(laterSnapshots > 0, "nobody ever fell too far behind");
  });

  it("says nothing new to who has seen everything", () => {
    const journal = new ChangeJournal<Row, number>({ maxEvents: 10, maxRemovals: 10 });
    journal.put(1, { key: 1, value: 1 });
    journal.log(1);
    const { revision } = journal.all();
    assert.deepEqual(journal.since(revision), { revision, rows: [], removed: [], events: [] });
    journal.remove(2);
    assert.equal(journal.revision, revision, "there was no such row");
  });

  it("answers the same question with the same object until something changes", () => {
    const journal = new ChangeJournal<Row, number>({ maxEvents: 10, maxRemovals: 10 });
    journal.put(1, { key: 1, value: 1 });
    const before = journal.since(0);
    assert.equal(journal.since(0), before);
    assert.equal(journal.all(), journal.all());
    journal.put(2, { key: 2, value: 2 });
    assert.notEqual(journal.since(0), before);
    assert.deepEqual(journal.since(0)?.rows, [
      { key: 1, value: 1 },
      { key: 2, value: 2 },
    ]);
  });
});

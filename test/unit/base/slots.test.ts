import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate } from "node:timers/promises";
import { Slots } from "../../../src/base/slots.ts";

const forever = new AbortController().signal;

describe("two slots", () => {
  it("are given in turn, and come back when the work ends, well or not", async () => {
    const slots = new Slots(2);
    const started: number[] = [];
    const ends = [0, 1, 2, 3].map(() => Promise.withResolvers<void>());
    const works = ends.map(({ promise }, index) =>
      slots.run(forever, async () => {
        started.push(index);
        await promise;
      }),
    );
    await setImmediate();
    assert.deepEqual(started, [0, 1]);
    ends[1]?.reject(new Error("no"));
    await assert.rejects(works[1] ?? Promise.resolve(), /no/);
    await setImmediate();
    assert.deepEqual(started, [0, 1, 2]);
    for (const { resolve } of ends) resolve();
    await Promise.allSettled(works);
    assert.deepEqual(started, [0, 1, 2, 3]);
  });

  it("lose none when those who wait give up", async () => {
    const slots = new Slots(1);
    const end = Promise.withResolvers<void>();
    const first = slots.run(forever, () => end.promise);
    const controller = new AbortController();
    const waiting = slots.run(controller.signal, async () => assert.fail("it gave up"));
    controller.abort(new Error("enough"));
    await assert.rejects(waiting, /enough/);
    // One that gives up in the very moment in which its turn comes.
    const other = new AbortController();
    const late = slots.run(other.signal, async () => {});
    end.resolve();
    other.abort(new Error("enough"));
    await Promise.allSettled([first, late]);
    assert.equal(await slots.run(forever, async () => "free"), "free");
  });
});

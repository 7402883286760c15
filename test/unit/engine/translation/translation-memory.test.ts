import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Cancellation } from "../../../../src/base/cancel-signal.ts";
import { RunBudget } from "../../../../src/engine/run-memory/budget.ts";
import { translationMemory } from "../../../../src/engine/translation/translation-memory.ts";

const forever = new Cancellation();

describe("the memory of translators", () => {
  it("is taken from that of runs, and given back", async () => {
    const budget = new RunBudget({ totalBytes: 100 });
    const memory = translationMemory(budget);
    assert.equal(memory.totalBytes, 100);
    const giveBack = await memory.take(60, forever);
    assert.equal(budget.admittedBytes, 60);
    giveBack();
    assert.equal(budget.admittedBytes, 0);
  });

  it("is waited for, in turn", async () => {
    const budget = new RunBudget({ totalBytes: 100 });
    const memory = translationMemory(budget);
    const first = await memory.take(60, forever);
    const taken: string[] = [];
    const second = memory.take(60, forever).then((giveBack) => {
      taken.push("second");
      return giveBack;
    });
    assert.equal(budget.waitingCount, 1);
    assert.deepEqual(taken, []);
    first();
    (await second)();
    assert.deepEqual(taken, ["second"]);
    assert.equal(budget.admittedBytes, 0);
    assert.equal(budget.waitingCount, 0);
  });

  it("is no longer waited for when the load is given up", async () => {
    const budget = new RunBudget({ totalBytes: 100 });
    const memory = translationMemory(budget);
    const giveBack = await memory.take(60, forever);
    const signal = new Cancellation();
    const waiting = memory.take(60, signal);
    signal.abort(new Error("given up"));
    await assert.rejects(waiting, { message: "given up" });
    assert.equal(budget.waitingCount, 0);
    giveBack();
    assert.equal(budget.admittedBytes, 0);
    const late = new Cancellation();
    late.abort(new Error("too late"));
    await assert.rejects(memory.take(1, late), { message: "too late" });
  });

  it("has no limit where runs have none", async () => {
    const memory = translationMemory(undefined);
    assert.equal(memory.totalBytes, Number.MAX_SAFE_INTEGER);
    (await memory.take(2 ** 40, forever))();
  });
});

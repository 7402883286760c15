import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MemoryBudget } from "../../../src/service/memory-budget.ts";
import type { ModelState } from "../../../src/service/model-state.ts";

describe("a memory budget of 100 bytes", () => {
  const states: ModelState[] = [];
  const budget = new MemoryBudget(100, () => states);

  it("derives what is used from the states, whatever happened before", () => {
    assert.equal(budget.usedBytes, 0);
    states.push({ tag: "ready", sizeBytes: 60 }, { tag: "queued" });
    assert.equal(budget.usedBytes, 60);
    assert.equal(budget.freeBytes, 40);
  });

  it("grants what fits to the byte, and refuses one more", () => {
    assert.equal(budget.canReserve(40), "now");
    assert.equal(budget.canReserve(41), "never");
  });

  it("asks for patience while something is about to come free", () => {
    for (const state of [
      { tag: "draining", sizeBytes: 10 },
      { tag: "unloading", heldBytes: 10, reason: undefined },
      { tag: "loading", reservedBytes: 10 },
    ] as const) {
      states[1] = state;
      assert.equal(budget.canReserve(41), "later", state.tag);
    }
    assert.equal(budget.canReserve(101), "never");
  });

  it("reports honestly that measured sizes went over the capacity", () => {
    states[1] = { tag: "ready", sizeBytes: 70 };
    assert.equal(budget.freeBytes, -30);
    assert.equal(budget.canReserve(0), "never");
  });
});

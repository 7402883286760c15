import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { HeldMemory } from "../../../../src/service/lifecycle/held-memory.ts";
import { MemoryBudget } from "../../../../src/service/lifecycle/memory-budget.ts";
import {
  heldBytes,
  isReleasing,
  type ModelState,
} from "../../../../src/service/lifecycle/model-state.ts";
import { Random } from "../../../support/attacks/mutate.ts";

describe("a memory budget of 100 bytes", () => {
  const held = new HeldMemory();
  const budget = new MemoryBudget(100, held);
  const [first, second] = [{}, {}];

  it("derives what is used from the states, whatever happened before", () => {
    assert.equal(budget.usedBytes, 0);
    held.note(first, { tag: "ready", sizeBytes: 60 });
    held.note(second, { tag: "queued" });
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
      held.note(second, state);
      assert.equal(budget.canReserve(41), "later", state.tag);
    }
    assert.equal(budget.canReserve(101), "never");
  });

  it("lets a load keep more than it has reserved, as far as that is free or about to be", () => {
    held.note(second, { tag: "loading", reservedBytes: 10 });
    assert.equal(budget.canGrow(10, 5), true);
    assert.equal(budget.canGrow(10, 40), true);
    assert.equal(budget.canGrow(10, 41), false);
    const third = {};
    held.note(third, { tag: "draining", sizeBytes: 20 });
    assert.equal(budget.canGrow(10, 41), true);
    assert.equal(budget.canGrow(10, 101), false);
    held.note(third, undefined);
  });

  it("reports honestly that measured sizes went over the capacity", () => {
    held.note(second, { tag: "ready", sizeBytes: 70 });
    assert.equal(budget.freeBytes, -30);
    assert.equal(budget.canReserve(0), "never");
    held.note(first, undefined);
    assert.equal(budget.freeBytes, 30);
  });
});

describe("held memory", () => {
  it("is at every moment the plain sum over the latest states", () => {
    const random = new Random(7);
    const held = new HeldMemory();
    const states = new Map<object, ModelState>();
    const generations = Array.from({ length: 20 }, () => ({}));
    for (let step = 0; step < 5_000; step++) {
      const generation = generations[random.below(generations.length)] as object;
      const bytes = random.below(1_000_000);
      const next = [
        undefined,
        { tag: "queued" },
        { tag: "loading", reservedBytes: bytes },
        { tag: "ready", sizeBytes: bytes },
        { tag: "reloading", sizeBytes: bytes, reason: undefined },
        { tag: "draining", sizeBytes: bytes },
        { tag: "unloading", heldBytes: bytes, reason: undefined },
        { tag: "failed", reason: undefined },
      ] as const;
      const state = next[random.below(next.length)];
      held.note(generation, state);
      if (state === undefined) states.delete(generation);
      else states.set(generation, state);
      const all = [...states.values()];
      assert.equal(
        held.bytes,
        all.reduce((sum, each) => sum + heldBytes(each), 0),
      );
      assert.equal(
        held.reservedBytes,
        all.reduce((sum, each) => sum + (each.tag === "loading" ? each.reservedBytes : 0), 0),
      );
      assert.equal(held.releasingCount, all.filter(isReleasing).length);
    }
  });
});

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { HeldMemory } from "../../../../src/service/lifecycle/held-memory.ts";
import { LoadQueue } from "../../../../src/service/lifecycle/load-queue.ts";
import { MemoryBudget } from "../../../../src/service/lifecycle/memory-budget.ts";
import type { ModelState } from "../../../../src/service/lifecycle/model-state.ts";

function setUp(concurrency: number) {
  const held = new HeldMemory();
  const generations = new Map<string, object>();
  const note = (modelId: string, state: ModelState | undefined) => {
    const generation = generations.get(modelId) ?? {};
    generations.set(modelId, generation);
    held.note(generation, state);
  };
  const budget = new MemoryBudget(100, held);
  const queue = new LoadQueue(concurrency, budget);
  const enter = (modelId: string, bytes: number, signal = new AbortController().signal) =>
    queue.enter({
      modelId,
      bytes,
      signal,
      onAdmit: () => {
        note(modelId, { tag: "loading", reservedBytes: bytes });
        // As the registry does at every change of a state.
        queue.pump();
      },
    });
  return { note, queue, enter };
}

describe("the load queue", () => {
  it("admits in order of arrival, and never more than allowed at once", async () => {
    const { queue, enter } = setUp(2);
    const leave = await enter("a", 1);
    await enter("b", 1);
    const order: string[] = [];
    const third = enter("c", 1).then((free) => {
      order.push("c");
      free();
    });
    const fourth = enter("d", 1).then(() => order.push("d"));
    assert.deepEqual([queue.runningCount, queue.waitingCount], [2, 2]);
    leave();
    leave();
    await Promise.all([third, fourth]);
    assert.deepEqual(order, ["c", "d"]);
    assert.equal(queue.runningCount, 2);
  });

  it("does not let small loads overtake a big one that waits for memory", async () => {
    const { note, queue, enter } = setUp(5);
    await enter("a", 60);
    const big = enter("big", 50);
    const small = enter("small", 1);
    assert.equal(queue.waitingCount, 2);
    note("a", undefined);
    queue.pump();
    await Promise.all([big, small]);
    assert.equal(queue.runningCount, 3);
  });

  it("refuses when nothing is about to come free, and goes on with the next", async () => {
    const { note, queue, enter } = setUp(5);
    await enter("a", 60);
    const big = enter("big", 50);
    const small = enter("small", 40);
    note("a", { tag: "ready", sizeBytes: 60 });
    queue.pump();
    await assert.rejects(big, { kind: "over-budget", message: /MiB, .* of .* MiB are free/ });
    await small;
  });

  it("drops a ticket whose signal aborts, and serves those behind it", async () => {
    const { queue, enter } = setUp(5);
    const leave = await enter("a", 60);
    const caller = new AbortController();
    const big = enter("big", 50, caller.signal);
    const small = enter("small", 40);
    caller.abort(new Error("gone"));
    await assert.rejects(big, /gone/);
    await small;
    leave();
    assert.deepEqual([queue.runningCount, queue.waitingCount], [1, 0]);
    await assert.rejects(enter("late", 1, AbortSignal.abort(new Error("late"))), /late/);
  });
});

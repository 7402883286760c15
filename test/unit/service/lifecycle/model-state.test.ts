import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ModelStateTag } from "../../../../src/service/contract/runtime-feed.ts";
import {
  advance,
  heldBytes,
  type ModelState,
  nextStates,
} from "../../../../src/service/lifecycle/model-state.ts";

const examples: Record<ModelStateTag, ModelState> = {
  queued: { tag: "queued" },
  loading: { tag: "loading", reservedBytes: 1 },
  ready: { tag: "ready", sizeBytes: 2 },
  reloading: { tag: "reloading", sizeBytes: 3, reason: undefined },
  draining: { tag: "draining", sizeBytes: 4 },
  unloading: { tag: "unloading", heldBytes: 5, reason: undefined },
  failed: { tag: "failed", reason: new Error("no") },
};
const tags = Object.keys(examples) as ModelStateTag[];

describe("the states of a model", () => {
  it("allow exactly the steps of the table", () => {
    for (const from of tags) {
      for (const to of tags) {
        const step = () => advance(examples[from], examples[to]);
        if (nextStates[from].includes(to)) assert.equal(step(), examples[to]);
        else assert.throws(step, { kind: "illegal-transition" });
      }
    }
  });

  it("can all be reached from queued, and all reach an end", () => {
    const reached = new Set<ModelStateTag>(["queued"]);
    for (const tag of reached) for (const next of nextStates[tag]) reached.add(next);
    assert.deepEqual([...reached].sort(), [...tags].sort());
    const ends = tags.filter((tag) => nextStates[tag].length === 0);
    assert.deepEqual(ends, ["unloading", "failed"]);
  });

  it("hold memory from admission until the engine has freed it", () => {
    const held = tags.map((tag) => [tag, heldBytes(examples[tag])]);
    assert.deepEqual(Object.fromEntries(held), {
      queued: 0,
      loading: 1,
      ready: 2,
      reloading: 3,
      draining: 4,
      unloading: 5,
      failed: 0,
    });
  });
});

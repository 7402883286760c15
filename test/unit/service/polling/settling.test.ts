import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Settling } from "../../../../src/service/polling/settling.ts";

const states = (all: Record<string, string>) => new Map(Object.entries(all));

describe("changes that settle", () => {
  it("count when two looks in a row have found the same, of each model by itself", () => {
    const settling = new Settling();
    const taken = states({ old: "1", same: "1" });
    assert.deepEqual(settling.look(states({ old: "2", same: "1", a: "x" }), taken, 10), []);
    assert.deepEqual(settling.look(states({ old: "3", same: "1", a: "x" }), taken, 20), ["a"]);
    assert.deepEqual(settling.waiting(), [
      { name: "a", sinceMs: 10 },
      { name: "old", sinceMs: 20 },
    ]);
    assert.deepEqual(
      settling.look(states({ old: "3", same: "1" }), states({ same: "1", old: "1", a: "x" }), 30),
      ["old"],
    );
  });

  it("include models that are gone", () => {
    const settling = new Settling();
    assert.deepEqual(settling.look(states({}), states({ m: "1" }), 1), []);
    assert.deepEqual(settling.look(states({}), states({ m: "1" }), 2), ["m"]);
    assert.deepEqual(settling.look(states({}), states({}), 3), []);
    assert.equal(settling.count, 0);
  });

  it("are none where what had changed is as it was", () => {
    const settling = new Settling();
    settling.look(states({ m: "2", passing: "1" }), states({ m: "1" }), 1);
    assert.deepEqual(settling.look(states({ m: "1" }), states({ m: "1" }), 2), []);
    assert.equal(settling.count, 0);
    assert.deepEqual(settling.look(states({ m: "2" }), states({ m: "1" }), 3), [], "from anew");
  });
});

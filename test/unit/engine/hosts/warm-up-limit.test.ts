import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import type { Vacated } from "../../../../src/engine/hosts/vacate.ts";
import { WarmUpLimit } from "../../../../src/engine/hosts/warm-up-limit.ts";

const limitMs = 100;

/** `outcomes`: of the attempts to have the neighbours move, one after the other. */
function start(t: TestContext, outcomes: readonly Vacated[]) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const kills: string[] = [];
  let attempts = 0;
  const limit = new WarmUpLimit({
    limitMs,
    vacate: async () => outcomes[attempts++] ?? "stayed",
    kill: (why) => kills.push(why),
  });
  t.after(() => limit.stop());
  const pass = async (ms: number) => {
    t.mock.timers.tick(ms);
    await turn();
  };
  return { limit, kills, pass, attempts: () => attempts };
}

describe("the limit of a warm-up", () => {
  it("ends the host once, when the neighbours have moved", async (t) => {
    const { kills, pass, attempts } = start(t, ["moved"]);
    await pass(limitMs - 1);
    assert.equal(attempts(), 0);
    await pass(1);
    assert.deepEqual(kills, ["a warm-up did not end within 100 ms"]);
    await pass(10 * limitMs);
    assert.equal(kills.length, 1);
  });

  it("tries again as long as nothing can take the neighbours, and kills nobody meanwhile", async (t) => {
    const { kills, pass, attempts } = start(t, ["not-now", "not-now", "moved"]);
    await pass(limitMs);
    await pass(limitMs);
    assert.deepEqual([attempts(), kills.length], [2, 0]);
    await pass(limitMs);
    assert.deepEqual([attempts(), kills.length], [3, 1]);
  });

  it("lets the warm-up go on if the neighbours cannot move at all", async (t) => {
    const { kills, pass, attempts } = start(t, ["stayed"]);
    for (let round = 0; round < 10; round++) await pass(limitMs);
    assert.deepEqual([attempts(), kills.length], [1, 0]);
  });

  it("spares a host whose warm-up ended before the limit, or while the neighbours moved", async (t) => {
    const early = start(t, ["moved"]);
    early.limit.stop();
    await early.pass(limitMs);
    assert.deepEqual([early.attempts(), early.kills.length], [0, 0]);
    t.mock.timers.reset();
    const late = start(t, ["moved"]);
    t.mock.timers.tick(limitMs);
    late.limit.stop();
    await turn();
    assert.deepEqual([late.attempts(), late.kills.length], [1, 0]);
  });
});

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { ReleaseLimit } from "../../../../src/engine/hosts/release-limit.ts";
import type { HostRun } from "../../../../src/engine/queue/host-queue.ts";

const [mine, others] = [{}, {}];

function runOf(owner: object, isWanted = true): HostRun {
  return { owner, isWanted, limitMs: 0, giveUp: () => {}, start: () => {} };
}

/** A watch over the release of "mine" that looks when it is told to, four times in a grace. */
function start(t: TestContext) {
  const queue: { front: HostRun | undefined; wantedLoad: boolean } = {
    front: undefined,
    wantedLoad: false,
  };
  const kills: string[] = [];
  const kill = (why: string) => kills.push(why);
  const watch = new ReleaseLimit({ queue, owner: mine, graceMs: 1e9, kill });
  t.after(() => watch.stop());
  const look = (times: number) => {
    for (let time = 0; time < times; time++) watch.look();
    return kills.length;
  };
  return { queue, look };
}

describe("the watch over a model that is to be let go", () => {
  it("ends the host after a grace of the model's own run, or of one that nobody waits for", (t) => {
    for (const front of [undefined, runOf(mine), runOf(others, false)]) {
      const { queue, look } = start(t);
      queue.front = front;
      assert.equal(look(3), 0);
      assert.equal(look(1), 1);
    }
  });

  it("waits for the load and the runs of others, however long they take", (t) => {
    const { queue, look } = start(t);
    queue.wantedLoad = true;
    assert.equal(look(1_000), 0);
    queue.wantedLoad = false;
    queue.front = runOf(others);
    assert.equal(look(1_000), 0);
  });

  it("counts the grace from where they end", (t) => {
    const { queue, look } = start(t);
    assert.equal(look(3), 0);
    queue.wantedLoad = true;
    look(1);
    queue.wantedLoad = false;
    assert.equal(look(3), 0);
    assert.equal(look(1), 1);
  });
});

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { setImmediate } from "node:timers/promises";
import { RuntimeError } from "../../../../src/base/errors.ts";
import { createLogger } from "../../../../src/observe/log.ts";
import { RepositoryPoller } from "../../../../src/service/polling/repository-poller.ts";

/** A poller of a repository in memory; `disk` is what it has, `follow` what its loads do. */
function setUp(t: TestContext) {
  const disk = new Map<string, string>();
  const taken = new Map<string, string>();
  const followed: string[] = [];
  const world = {
    disk,
    taken,
    followed,
    device: "1",
    scans: 0,
    reads: 0,
    looking: Promise.resolve(),
    outcome: async (): Promise<void> => {},
  };
  const poller = new RepositoryPoller({
    scanner: {
      async scan() {
        world.scans++;
        await world.looking;
        const digest = JSON.stringify([...disk]);
        return { digest, device: world.device, entryCount: disk.size };
      },
      close() {},
    },
    models: {
      async states() {
        world.reads++;
        return new Map(disk);
      },
      taken,
      async follow(name, state) {
        if (disk.get(name) !== state) return false;
        followed.push(`${name}=${state}`);
        if (state === undefined) taken.delete(name);
        else taken.set(name, state);
        await world.outcome();
        return true;
      },
    },
    intervalMs: 1_000,
    log: createLogger("silent"),
  });
  t.after(() => poller.close());
  const polls = async (count: number) => {
    for (let nth = 0; nth < count; nth++) await poller.poll();
    await setImmediate();
  };
  return { ...world, world, poller, polls };
}

describe("polling a repository", () => {
  it("takes a change that two polls have found, and reads the models only when files changed", async (t) => {
    const { world, disk, followed, poller, polls } = setUp(t);
    disk.set("m", "1");
    await polls(1);
    assert.deepEqual(followed, []);
    assert.deepEqual(
      poller.figures().settling.map(({ name }) => name),
      ["m"],
    );
    await polls(3);
    assert.deepEqual(followed, ["m=1"]);
    assert.deepEqual([world.scans, world.reads], [4, 1]);
    disk.delete("m");
    await polls(2);
    assert.deepEqual(followed, ["m=1", "m=undefined"]);
    const { polls: count, changes, settlingCount, state } = poller.figures();
    assert.deepEqual([count, changes, settlingCount, state], [6, 2, 0, "waiting"]);
  });

  it("does not take files that are still being written", async (t) => {
    const { disk, followed, polls } = setUp(t);
    for (let size = 1; size < 9; size++) {
      disk.set("m", `${size}`);
      await polls(1);
    }
    assert.deepEqual(followed, []);
    await polls(1);
    assert.deepEqual(followed, ["m=8"]);
  });

  it("tries a broken change once, until its files change", async (t) => {
    const { world, disk, followed, poller, polls } = setUp(t);
    world.outcome = () => Promise.reject(new RuntimeError("load-failed", "unknown operator"));
    disk.set("m", "broken");
    await polls(6);
    assert.deepEqual(followed, ["m=broken"]);
    assert.deepEqual(poller.figures().failing, [{ name: "m", reason: "unknown operator" }]);
    world.outcome = async () => {};
    disk.set("m", "whole");
    await polls(2);
    assert.deepEqual(followed, ["m=broken", "m=whole"]);
    assert.deepEqual(poller.figures().failing, []);
    assert.equal(poller.figures().failedChanges, 1);
  });

  it("tries again, after longer and longer pauses, where the memory was taken", async (t) => {
    const { world, disk, followed, poller, polls } = setUp(t);
    let nowMs = 0;
    t.mock.method(performance, "now", () => nowMs);
    world.outcome = () => Promise.reject(new RuntimeError("over-budget", "no room"));
    disk.set("m", "1");
    await polls(4);
    assert.equal(followed.length, 1);
    nowMs += 2_000;
    await polls(3);
    assert.equal(followed.length, 2);
    nowMs += 2_000;
    await polls(1);
    assert.equal(followed.length, 2);
    nowMs += 2_000;
    world.outcome = async () => {};
    await polls(1);
    assert.equal(followed.length, 3);
    assert.deepEqual(poller.figures().failing, []);
  });

  it("lets no load hold up the next poll, and starts none twice", async (t) => {
    const { world, disk, followed, polls } = setUp(t);
    const loading = Promise.withResolvers<void>();
    world.outcome = () => loading.promise;
    disk.set("slow", "1");
    await polls(2);
    disk.set("slow", "2");
    disk.set("quick", "1");
    await polls(3);
    assert.deepEqual(followed, ["slow=1", "quick=1"]);
    loading.resolve();
    await setImmediate();
    await polls(1);
    assert.deepEqual(followed, ["slow=1", "quick=1", "slow=2"]);
  });

  it("unloads nothing because the volume is gone", async (t) => {
    const { world, disk, followed, poller, polls } = setUp(t);
    disk.set("m", "1");
    await polls(2);
    disk.clear();
    world.device = "2";
    await polls(3);
    assert.deepEqual(followed, ["m=1"]);
    assert.match(poller.figures().reason, /probably not mounted/);
    assert.equal(poller.figures().failedPolls, 3);
    world.device = "1";
    disk.set("m", "1");
    await polls(2);
    assert.deepEqual([followed.length, poller.figures().reason], [1, ""]);
  });

  it("shows a file system that does not answer, and never asks it twice at once", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const { world, poller } = setUp(t);
    const answer = Promise.withResolvers<void>();
    world.looking = answer.promise;
    poller.start();
    t.mock.timers.tick(1_000);
    await setImmediate();
    t.mock.timers.tick(60_000);
    await setImmediate();
    assert.equal(world.scans, 1);
    const { state, reason } = poller.figures();
    assert.equal(state, "reading");
    assert.match(reason, /has not answered for 10 s/);
    answer.resolve();
    await setImmediate();
    assert.deepEqual([poller.figures().state, poller.figures().reason], ["waiting", ""]);
  });
});

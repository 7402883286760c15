import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { RunLimit } from "../../../../src/engine/hosts/run-limit.ts";
import type { HostRun } from "../../../../src/engine/queue/host-queue.ts";

const graceMs = 100;

class FakeRun implements HostRun {
  readonly owner = {};
  readonly limitMs: number;
  isWanted = true;
  reason: Error | undefined;

  constructor(limitMs = 0) {
    this.limitMs = limitMs;
  }

  giveUp(reason: Error): void {
    this.reason = reason;
    this.isWanted = false;
  }

  start(): void {}
}

function startWatch(t: TestContext) {
  let nowMs = 0;
  t.mock.timers.enable({ apis: ["setInterval"] });
  t.mock.method(performance, "now", () => nowMs);
  const queue = {
    front: undefined as HostRun | undefined,
    frontMs: Number.POSITIVE_INFINITY,
    hasMore: true,
  };
  const kills: number[] = [];
  const watch = new RunLimit({ queue, graceMs, kill: () => kills.push(nowMs) });
  /** A quarter of the grace at a time, as often as the watch looks. */
  const pass = (ms: number) => {
    for (let passed = 0; passed < ms; passed += graceMs / 4) {
      nowMs += graceMs / 4;
      t.mock.timers.tick(graceMs / 4);
    }
  };
  return { queue, watch, kills, pass };
}

describe("the watch over the runs of a host", () => {
  it("lets a run take its time as long as somebody waits for it and it has no limit", (t) => {
    const { queue, kills, pass } = startWatch(t);
    queue.front = new FakeRun();
    pass(1_000_000);
    assert.deepEqual(kills, []);
  });

  it("gives up a run over its limit, and ends the host after the grace", (t) => {
    const { queue, watch, kills, pass } = startWatch(t);
    const run = new FakeRun(1_000);
    queue.front = run;
    // What it was expected to take says nothing any more.
    queue.frontMs = 10_000;
    pass(1_000);
    assert.equal(run.reason, undefined);
    pass(25);
    assert.match(String(run.reason), /took longer than 1000 ms, the limit of RUN_TIMEOUT/);
    assert.deepEqual(kills, []);
    pass(graceMs);
    assert.equal(kills.length, 1);
    assert.equal(watch.hung, run);
  });

  it("counts the limit for each run, not for the host", (t) => {
    const { queue, kills, pass } = startWatch(t);
    for (let count = 0; count < 10; count++) {
      const run = new FakeRun(1_000);
      queue.front = run;
      pass(900);
      assert.equal(run.reason, undefined);
    }
    assert.deepEqual(kills, []);
  });

  it("lets a run that was given up end by itself", (t) => {
    const { queue, watch, kills, pass } = startWatch(t);
    queue.front = new FakeRun(100);
    pass(150);
    queue.front = undefined;
    pass(10_000);
    assert.deepEqual(kills, []);
    assert.equal(watch.hung, undefined);
  });

  it("gives an abandoned run four times what it should take, and more while nobody else waits", (t) => {
    for (const [hasMore, limitMs] of [
      [true, 400],
      [false, 2_000],
    ] as const) {
      t.mock.restoreAll();
      t.mock.timers.reset();
      const { queue, kills, pass } = startWatch(t);
      const run = new FakeRun();
      run.isWanted = false;
      queue.front = run;
      queue.frontMs = 100;
      queue.hasMore = hasMore;
      pass(limitMs);
      assert.deepEqual(kills, []);
      pass(25);
      assert.equal(kills.length, 1);
    }
  });

  it("does nothing any more once it is stopped", (t) => {
    const { queue, watch, kills, pass } = startWatch(t);
    queue.front = new FakeRun(100);
    watch.stop();
    pass(10_000);
    assert.deepEqual(kills, []);
  });
});

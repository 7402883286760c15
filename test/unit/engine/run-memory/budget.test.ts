import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type ClaimPlace, RunBudget } from "../../../../src/engine/run-memory/budget.ts";
import type { HostShare, RunGrant } from "../../../../src/engine/run-memory/host-share.ts";
import type { RunNeed } from "../../../../src/engine/run-memory/need.ts";

/** A budget of 100 bytes, and the time. */
function newBudget() {
  const clock = { nowMs: 0 };
  const budget = new RunBudget({ totalBytes: 100, now: () => clock.nowMs });
  return { budget, clock };
}

function need(runBytes: number, inputBytes = 0): RunNeed {
  return { runBytes, inputBytes };
}

/** Wants one run on a host of its own, again whenever there may be room. */
class Runner {
  readonly share: HostShare;
  readonly need: RunNeed;
  grant: RunGrant | undefined;
  isWanted = true;
  #place: ClaimPlace | undefined;

  constructor(share: HostShare, runBytes: number) {
    this.share = share;
    this.need = need(runBytes);
    this.wake();
  }

  get runs(): boolean {
    return this.grant !== undefined;
  }

  wake(): void {
    if (this.grant !== undefined || !this.isWanted) return;
    this.grant = this.share.take(this.need, this.#place);
    if (this.grant === undefined) this.#place ??= this.share.wait(this.need, this);
  }

  leave(): void {
    this.isWanted = false;
    if (this.#place !== undefined) this.share.leave(this.#place);
  }
}

describe("the budget of runs", () => {
  it("lets runs take memory until there is no more, and wakes who waits in the order of their coming", () => {
    const { budget } = newBudget();
    const runners = [60, 40, 50, 50].map((bytes) => new Runner(budget.share(), bytes));
    assert.deepEqual(
      runners.map(({ runs }) => runs),
      [true, true, false, false],
    );
    assert.equal(budget.admittedBytes, 100);
    assert.equal(budget.waitingCount, 2);
    runners[0]?.grant?.end();
    assert.deepEqual(
      runners.map(({ runs }) => runs),
      [true, true, true, false],
    );
    runners[1]?.grant?.end();
    assert.equal(runners[3]?.runs, true);
    for (const { grant } of runners) grant?.end();
    assert.equal(budget.admittedBytes, 0);
    assert.equal(budget.waitingCount, 0);
  });

  it("counts the biggest run of a host, which has one at a time, and the inputs of all that it has got", () => {
    const { budget } = newBudget();
    const share = budget.share();
    const [big, small] = [share.take(need(60, 5), undefined), share.take(need(30, 5), undefined)];
    assert.equal(budget.admittedBytes, 70);
    assert.equal(share.take(need(60, 31), undefined), undefined);
    big?.end();
    assert.equal(budget.admittedBytes, 35);
    small?.end();
    small?.end();
    assert.equal(budget.admittedBytes, 0);
  });

  it("lets others overtake one that needs much, until that has waited for long enough", () => {
    const { budget, clock } = newBudget();
    const first = new Runner(budget.share(), 50);
    const giant = new Runner(budget.share(), 90);
    const early = new Runner(budget.share(), 30);
    assert.deepEqual([giant.runs, early.runs], [false, true]);
    clock.nowMs = 250;
    // Beside the giant there is room for 10.
    const late = new Runner(budget.share(), 20);
    const fits = new Runner(budget.share(), 10);
    assert.deepEqual([late.runs, fits.runs], [false, true]);
    first.grant?.end();
    assert.deepEqual([giant.runs, late.runs], [false, false]);
    early.grant?.end();
    assert.deepEqual([giant.runs, late.runs], [true, false]);
    giant.grant?.end();
    assert.equal(late.runs, true);
  });

  it("does not let a host hold on to what one in another host waits for", () => {
    const { budget, clock } = newBudget();
    const busy = budget.share();
    const grants = [busy.take(need(60), undefined)];
    const giant = new Runner(budget.share(), 80);
    // One run after the other, each there before the last has ended.
    grants.push(busy.take(need(60), undefined));
    assert.ok(grants[1]);
    clock.nowMs = 250;
    assert.equal(busy.take(need(60), undefined), undefined);
    for (const grant of grants) grant?.end();
    assert.equal(giant.runs, true);
  });

  it("keeps nothing for one that has left, and wakes whom that held up", () => {
    const { budget, clock } = newBudget();
    const first = new Runner(budget.share(), 50);
    const giant = new Runner(budget.share(), 100);
    clock.nowMs = 250;
    const late = new Runner(budget.share(), 20);
    assert.equal(late.runs, false);
    giant.leave();
    assert.equal(late.runs, true);
    assert.equal(budget.waitingCount, 0);
    first.grant?.end();
    late.grant?.end();
    assert.equal(budget.admittedBytes, 0);
  });

  it("forgets one that nobody wants any more, whether or not it says so", () => {
    const { budget, clock } = newBudget();
    const first = new Runner(budget.share(), 50);
    const giant = new Runner(budget.share(), 100);
    clock.nowMs = 250;
    giant.isWanted = false;
    assert.equal(new Runner(budget.share(), 50).runs, true);
    first.grant?.end();
    assert.equal(giant.runs, false);
  });

  it("counts what a host keeps of what a run took, and has it give that back when somebody waits", () => {
    const { budget } = newBudget();
    const share = budget.share();
    let asked = 0;
    share.onPressure = () => asked++;
    share.take(need(60, 10), undefined)?.end(50);
    assert.deepEqual([budget.admittedBytes, share.keptBytes], [50, 50]);
    assert.ok(share.take(need(30), undefined), "the next run there has it at hand");
    assert.deepEqual([budget.admittedBytes, share.keptBytes], [50, 20]);
    assert.equal(asked, 0);
    const waits = new Runner(budget.share(), 60);
    assert.deepEqual([waits.runs, asked], [false, 1]);
    share.keep(40);
    assert.deepEqual([waits.runs, budget.admittedBytes], [true, 100]);
  });

  it("counts no more for what is kept than the run was let take", () => {
    const { budget } = newBudget();
    const share = budget.share();
    share.take(need(60), undefined)?.end(1000);
    assert.equal(budget.admittedBytes, 60);
    share.keep(0);
    assert.equal(budget.admittedBytes, 0);
  });

  it("has all back of a host that is gone", () => {
    const { budget } = newBudget();
    const share = budget.share();
    const grant = share.take(need(60, 20), undefined);
    const waits = new Runner(budget.share(), 90);
    share.close();
    assert.equal(waits.runs, true);
    grant?.end();
    assert.equal(budget.admittedBytes, 90);
  });

  it("never gives more than it has, and starves nobody, whatever comes", () => {
    const random = generator(7);
    const longestRunMs = 50;
    for (let round = 0; round < 50; round++) {
      const { budget, clock } = newBudget();
      const shares = Array.from({ length: 4 }, () => budget.share());
      const waiting = new Map<Runner, number>();
      const running = new Map<Runner, number>();
      const step = () => {
        clock.nowMs += random(20);
        for (const [runner, untilMs] of running) {
          if (untilMs > clock.nowMs) continue;
          running.delete(runner);
          runner.grant?.end();
        }
        for (const [runner, untilMs] of waiting) {
          assert.ok(runner.runs || clock.nowMs <= untilMs, "one has waited for too long");
          if (!runner.runs) continue;
          waiting.delete(runner);
          running.set(runner, clock.nowMs + 1 + random(longestRunMs));
        }
        assert.ok(budget.admittedBytes <= 100, `${budget.admittedBytes} of 100`);
      };
      for (let count = 0; count < 200; count++) {
        const share = shares[random(4)] as HostShare;
        const runner = new Runner(share, random(8) === 0 ? 100 : 1 + random(30));
        // Each of those ahead may have to wait for what runs.
        const ahead = waiting.size + 1;
        waiting.set(runner, clock.nowMs + 200 + 3 * longestRunMs * ahead);
        if (random(10) === 0 && !runner.runs) {
          runner.leave();
          waiting.delete(runner);
        }
        step();
      }
      while (waiting.size + running.size > 0) step();
      assert.equal(budget.admittedBytes, 0);
      assert.equal(budget.waitingCount, 0);
    }
  });
});

/** Whole numbers below a limit, the same ones each time. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % below;
  };
}

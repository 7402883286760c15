import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { measureOverload, type OverloadFigures } from "../support/attacks/overload.ts";
import { canMeasureTrees } from "../support/processes/process-tree.ts";

const seconds = 4;
/** The goal is to pay for the refusals and for nothing else. Twice as much is far from a collapse, in which
 *  most of the work is for callers who get nothing. */
const mostCpuFactor = 2;

describe("a server with far more inferences than it can run", { timeout: 300_000 }, () => {
  let figures: OverloadFigures;
  before(async () => {
    figures = await measureOverload(seconds);
  });

  it("answers every call, rightly or RESOURCE_EXHAUSTED", () => {
    assert.deepEqual(figures.saturated.wrong, []);
    assert.deepEqual(figures.overloaded.wrong, []);
    assert.equal(figures.saturated.refused.count, 0);
    assert.ok(figures.overloaded.refused.count > 100, "there is no overload");
  });

  it("spends its hosts' time on answers, as when it is just saturated", {
    skip: !canMeasureTrees,
  }, (t) => {
    const { saturated, overloaded } = figures;
    for (const [name, { goodputPerSecond, hostCpuMs, serverCpuMs, refused }] of [
      ["saturated", saturated],
      ["overloaded", overloaded],
    ] as const) {
      t.diagnostic(
        `${name}: ${goodputPerSecond.toFixed(0)} answers a second, ${refused.count} refused; for an answer ` +
          `${hostCpuMs.toFixed(2)} ms of the hosts' CPU, ${serverCpuMs.toFixed(2)} ms of the server's`,
      );
    }
    assert.ok(overloaded.hostCpuMs < mostCpuFactor * saturated.hostCpuMs);
  });

  it("refuses at once what it answers late", (t) => {
    const { answered, refused } = figures.overloaded;
    t.diagnostic(
      `answered in ${answered.p50Ms.toFixed(0)} ms (worst ${answered.maxMs.toFixed(0)}), ` +
        `refused in ${refused.p50Ms.toFixed(0)} ms (worst ${refused.maxMs.toFixed(0)})`,
    );
    assert.ok(refused.p50Ms < answered.p50Ms / 2, "the excess waits as if it were served");
  });

  it("answers health, status and lifecycle calls beside it", (t) => {
    assert.deepEqual(figures.wrong, []);
    for (const [name, { count, p50Ms, maxMs }] of Object.entries(figures.beside)) {
      t.diagnostic(`${name}: ${count} calls, ${p50Ms.toFixed(1)} ms, worst ${maxMs.toFixed(1)} ms`);
      assert.ok(count > 0, `${name} was not called`);
    }
  });
});

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { TrafficMeter } from "../../../../src/service/counts/traffic-meter.ts";

/** A meter, and the clock that it looks at. */
function setUp(startMs = 1_000_000) {
  const clock = { ms: startMs };
  return { clock, meter: new TrafficMeter(() => clock.ms) };
}

function isNear(actual: number | undefined, expected: number, share: number): void {
  assert.ok(actual !== undefined);
  const error = Math.abs(actual - expected) / expected;
  assert.ok(error <= share, `${actual} is not within ${share * 100} % of ${expected}`);
}

describe("a meter of traffic", () => {
  it("knows the rate of a steady load, errors apart", () => {
    const { clock, meter } = setUp();
    for (let at = 0; at < 3_000; at++) {
      clock.ms += 10;
      if (at % 4 === 0) meter.fail();
      else meter.succeed(5);
    }
    const figures = meter.figures();
    isNear(figures.requestsPerSecond, 100, 0.01);
    isNear(figures.errorsPerSecond, 25, 0.01);
    assert.equal(figures.succeededTotal, 2_250);
    assert.equal(figures.failedTotal, 750);
  });

  it("knows the rate of a load that has just begun, and makes no spike of a first request", () => {
    const { clock, meter } = setUp();
    clock.ms += 1;
    meter.succeed(5);
    assert.equal(meter.figures().requestsPerSecond, 1);
    for (let at = 0; at < 300; at++) {
      clock.ms += 10;
      meter.succeed(5);
    }
    isNear(meter.figures().requestsPerSecond, 100, 0.01);
  });

  it("forgets what is older than ten seconds, but for the totals", () => {
    const { clock, meter } = setUp();
    for (let at = 0; at < 100; at++) meter.succeed(1_000);
    meter.fail();
    clock.ms += 7_999;
    assert.equal(meter.figures().latency?.p50Ms !== undefined, true);
    assert.equal(meter.isQuiet, false);
    clock.ms += 2_001;
    assert.equal(meter.isQuiet, true);
    assert.deepEqual(meter.figures(), {
      requestsPerSecond: 0,
      errorsPerSecond: 0,
      latency: undefined,
      succeededTotal: 100,
      failedTotal: 1,
    });
    meter.succeed(2);
    assert.equal(meter.isQuiet, false);
    isNear(meter.figures().latency?.p99Ms, 2, 0.05);
  });

  it("is within 5 % of the true quantiles, from 40 microseconds to two minutes", () => {
    const latencies = fc.array(fc.double({ min: 0.04, max: 120_000, noNaN: true }), {
      minLength: 1,
      maxLength: 300,
    });
    fc.assert(
      fc.property(latencies, (values) => {
        const { meter } = setUp();
        for (const value of values) meter.succeed(value);
        const sorted = values.toSorted((a, b) => a - b);
        const { latency } = meter.figures();
        const exact = (share: number) => sorted[Math.ceil(sorted.length * share) - 1] ?? 0;
        isNear(latency?.p50Ms, exact(0.5), 0.05);
        isNear(latency?.p95Ms, exact(0.95), 0.05);
        isNear(latency?.p99Ms, exact(0.99), 0.05);
      }),
    );
  });

  it("takes latencies out of its range for the nearest within", () => {
    const { meter } = setUp();
    meter.succeed(0);
    isNear(meter.figures().latency?.p50Ms, 0.032, 0.05);
    for (let at = 0; at < 100; at++) meter.succeed(10_000_000);
    isNear(meter.figures().latency?.p50Ms, 131_072, 0.05);
  });

  it("has no latency where everything failed", () => {
    const { meter } = setUp();
    meter.fail();
    assert.equal(meter.figures().latency, undefined);
  });
});

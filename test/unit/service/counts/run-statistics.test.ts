import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { MeteredRun, RunMeter } from "../../../../src/engine/contract/engine.ts";
import { maxBatchSizes, RunStatistics } from "../../../../src/service/counts/run-statistics.ts";

const run: MeteredRun = {
  requests: 1,
  awaited: 1,
  awaitedRows: 1,
  rows: 1,
  awayMs: 10,
  lineMs: 1,
  inputMs: 2,
  computeMs: 3,
  outputMs: 4,
};
const ms = 1_000_000n;

function newStatistics() {
  const seen: string[] = [];
  const next: RunMeter = {
    answered: () => seen.push("answered"),
    ran: () => seen.push("ran"),
    compared: () => seen.push("compared"),
  };
  return { statistics: new RunStatistics(next), seen };
}

describe("the statistics of a model's runs", () => {
  it("count a common run once as a run, and for each request that it answered", () => {
    const { statistics } = newStatistics();
    for (const waitedMs of [5, 6]) statistics.answered(waitedMs, true);
    statistics.ran({ ...run, requests: 2, awaited: 2, awaitedRows: 5, rows: 5 });
    assert.deepEqual([statistics.runs, statistics.rows], [1, 5]);
    assert.deepEqual(statistics.phases, {
      // Here and in the line of the host.
      queue: { count: 2, ns: 13n * ms },
      computeInput: { count: 2, ns: 4n * ms },
      computeInfer: { count: 2, ns: 6n * ms },
      computeOutput: { count: 2, ns: 8n * ms },
      cacheHit: { count: 0, ns: 0n },
      cacheMiss: { count: 0, ns: 0n },
    });
    assert.deepEqual(statistics.batches, [
      {
        rows: 5,
        computeInput: { count: 1, ns: 2n * ms },
        computeInfer: { count: 1, ns: 3n * ms },
        computeOutput: { count: 1, ns: 4n * ms },
      },
    ]);
  });

  it("leave out requests that no client waited for any more", () => {
    const { statistics } = newStatistics();
    statistics.answered(5, false);
    statistics.answered(5, true);
    statistics.ran({ ...run, requests: 2, awaited: 1, awaitedRows: 2, rows: 4 });
    assert.deepEqual([statistics.runs, statistics.rows], [1, 2]);
    assert.deepEqual(statistics.phases.queue, { count: 1, ns: 6n * ms });
    assert.deepEqual(
      statistics.batches.map(({ rows }) => rows),
      [4],
    );
  });

  it("count what a cache answered as waiting for nothing", () => {
    const { statistics } = newStatistics();
    statistics.lookedUp(true, 0.5);
    statistics.lookedUp(false, 0.25);
    const { queue, computeInfer, cacheHit, cacheMiss } = statistics.phases;
    assert.deepEqual(queue, { count: 1, ns: 0n });
    assert.deepEqual(computeInfer, { count: 0, ns: 0n });
    assert.deepEqual(cacheHit, { count: 1, ns: 500_000n });
    assert.deepEqual(cacheMiss, { count: 1, ns: 250_000n });
  });

  it("list runs by size, smallest first, and not more sizes than they may keep", () => {
    const { statistics } = newStatistics();
    for (let rows = 1_000; rows > 0; rows--) statistics.ran({ ...run, awaitedRows: rows, rows });
    assert.equal(statistics.runs, 1_000);
    assert.equal(statistics.batches.length, maxBatchSizes);
    const sizes = statistics.batches.map(({ rows }) => rows);
    assert.deepEqual(
      sizes,
      [...sizes].sort((a, b) => a - b),
    );
  });

  it("pass everything on to the metrics", () => {
    const { statistics, seen } = newStatistics();
    statistics.answered(1, false);
    statistics.ran(run);
    statistics.compared(true);
    assert.deepEqual(seen, ["answered", "ran", "compared"]);
  });
});

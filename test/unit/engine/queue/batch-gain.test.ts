import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { BatchGain } from "../../../../src/engine/queue/batch-gain.ts";

/** Runs of requests with `ownRows`, as many joined as the gain allows, each taking `costMs(rows)`.
 *  Returns the rows of each run. */
function serve(gain: BatchGain, runs: number, costMs: (rows: number) => number, ownRows = 1) {
  return Array.from({ length: runs }, () => {
    const rows = Math.floor(gain.rowsFor(ownRows) / ownRows) * ownRows;
    gain.record(rows, costMs(rows));
    return rows;
  });
}

const fixedCost = (rows: number) => 1 + 0.01 * rows;
const costPerRow = (rows: number) => 0.05 + rows;

describe("the gain of batching", () => {
  it("is tried in doubled steps and kept up to the limit where rows are cheap", () => {
    const rows = serve(new BatchGain(64), 60, fixedCost);
    assert.deepEqual(rows.slice(0, 10), [1, 2, 1, 2, 1, 2, 1, 2, 4, 2]);
    assert.equal(rows.at(-1), 64);
  });

  it("is given up after a few runs of two requests where rows are all the cost", () => {
    const rows = serve(new BatchGain(64), 500, costPerRow);
    assert.deepEqual(rows.slice(0, 8), [1, 2, 1, 2, 1, 2, 1, 2]);
    assert.deepEqual(new Set(rows.slice(8)), new Set([1]));
  });

  it("stops at the size from which on a row does not get cheaper", () => {
    // Up to 8 rows for the price of one, each further row at its full price.
    const rows = serve(new BatchGain(64), 500, (count) => Math.max(8, count));
    assert.equal(rows.at(-1), 8);
    assert.equal(Math.max(...rows), 16);
  });

  it("is tried again after a thousand runs, and then kept if it pays by now", () => {
    const gain = new BatchGain(8);
    serve(gain, 900, costPerRow);
    assert.equal(gain.rowsFor(1), 1);
    const rows = serve(gain, 200, fixedCost);
    assert.equal(rows[0], 1);
    assert.equal(rows.at(-1), 8);
  });

  it("is not put off by single slow runs", () => {
    const gain = new BatchGain(4);
    let run = 0;
    const rows = serve(gain, 100, (count) => (++run % 3 === 0 ? 50 : fixedCost(count)));
    assert.equal(rows.at(-1), 4);
  });

  it("starts from what a single request brings", () => {
    const gain = new BatchGain(64);
    assert.equal(gain.rowsFor(5), 5);
    const rows = serve(gain, 60, fixedCost, 5);
    assert.equal(rows.at(-1), 60);
    assert.equal(gain.rowsFor(200), 200, "more than the limit runs alone");
  });

  it("is never tried beyond the limit", () => {
    assert.deepEqual(new Set(serve(new BatchGain(1), 50, fixedCost)), new Set([1]));
    assert.equal(Math.max(...serve(new BatchGain(3), 50, fixedCost)), 3);
  });

  it("leads to the same decisions for the same runs", () => {
    assert.deepEqual(
      serve(new BatchGain(32), 200, (rows) => 1 + rows ** 0.7),
      serve(new BatchGain(32), 200, (rows) => 1 + rows ** 0.7),
    );
  });
});

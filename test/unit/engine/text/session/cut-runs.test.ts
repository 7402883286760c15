import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { cutRuns } from "../../../../../src/engine/text/session/cut-runs.ts";

describe("rows of a request", () => {
  it("run together with others of their length, as far as a run reaches", () => {
    assert.deepEqual(cutRuns([3, 90, 4, 100, 3], 16), [[0, 4, 2], [1], [3]]);
    assert.deepEqual(cutRuns([8, 8, 8, 8], 16), [
      [0, 1],
      [2, 3],
    ]);
    assert.deepEqual(cutRuns([], 16), []);
  });

  it("are not padded where a run of their own is cheaper", () => {
    assert.deepEqual(cutRuns([10, 90, 12, 88], 256), [
      [0, 2],
      [3, 1],
    ]);
  });

  it("are each in one run, and no run of several has more tokens than it may, padding included", () => {
    let seed = 1;
    const random = () => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed / 2_147_483_647;
    };
    const lengths = Array.from({ length: 500 }, () => 1 + Math.floor(300 * random() ** 2));
    const runs = cutRuns(lengths, 256);
    assert.deepEqual(
      runs.flat().sort((a, b) => a - b),
      [...lengths.keys()],
    );
    const tokensOf = (run: readonly number[]) =>
      run.length * Math.max(...run.map((row) => lengths[row] as number));
    for (const run of runs) assert.ok(run.length === 1 || tokensOf(run) <= 256);
    const padded = runs.reduce((sum, run) => sum + tokensOf(run), 0);
    const whole = lengths.reduce((a, b) => a + b);
    assert.ok(padded < 1.05 * whole, `${padded} tokens for ${whole}`);
    assert.ok(runs.length < lengths.length / 2);
  });
});

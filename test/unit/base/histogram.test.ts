import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Histogram } from "../../../src/base/histogram.ts";

describe("a histogram", () => {
  it("counts a value in the first bucket whose bound is not below it", () => {
    const histogram = new Histogram([1, 10]);
    for (const value of [0, 1, 1.5, 10, 11, 1e9]) histogram.observe(value);
    assert.deepEqual([...histogram.counts], [2, 2, 2]);
    assert.equal(histogram.count, 6);
    assert.equal(histogram.sum, 1e9 + 23.5);
  });

  it("counts several that are the same at once", () => {
    const histogram = new Histogram([1]);
    histogram.observe(0.5, 3);
    assert.deepEqual([histogram.count, histogram.sum], [3, 1.5]);
  });

  it("goes on beyond what 32 bits count", () => {
    const histogram = new Histogram([]);
    histogram.observe(0, 2 ** 32);
    histogram.observe(0);
    assert.equal(histogram.count, 2 ** 32 + 1);
  });
});

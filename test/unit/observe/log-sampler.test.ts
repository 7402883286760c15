import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { LogSampler } from "../../../src/observe/log-sampler.ts";

describe("a sampler of log lines", () => {
  it("lets ten lines of a kind through in a second, and then says how many it dropped", () => {
    let nowMs = 0;
    const sampler = new LogSampler(10, () => nowMs);
    const passed = Array.from({ length: 25 }, () => sampler.pass("a"));
    assert.deepEqual(passed, [...Array(10).fill(0), ...Array(15).fill(undefined)]);
    assert.equal(sampler.pass("b"), 0);
    nowMs = 999;
    assert.equal(sampler.pass("a"), undefined);
    nowMs = 1000;
    assert.equal(sampler.pass("a"), 16);
    assert.equal(sampler.pass("a"), 0);
  });
});

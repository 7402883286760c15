import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { runPhases } from "../../../../src/engine/queue/run-phases.ts";

describe("the phases of a run", () => {
  it("are the line, the inputs, the engine and the outputs", () => {
    const moments = {
      sentAtMs: 100,
      freeAtMs: 107,
      startedAtMs: 109,
      computeMs: 20,
      answeredAtMs: 132,
    };
    assert.deepEqual(runPhases(moments), {
      awayMs: 32,
      lineMs: 7,
      inputMs: 2,
      computeMs: 20,
      outputMs: 3,
    });
  });

  it("have no line where the host had nothing to do", () => {
    const moments = {
      sentAtMs: 100,
      freeAtMs: 40,
      startedAtMs: 109,
      computeMs: 20,
      answeredAtMs: 132,
    };
    const { lineMs, inputMs } = runPhases(moments);
    assert.deepEqual([lineMs, inputMs], [0, 9]);
  });

  it("add up to the whole and are never negative, whatever a host says", () => {
    const oddities = [-1e9, -1, 0, 3, 50, 1e9, Number.NaN, Number.POSITIVE_INFINITY];
    for (const freeAtMs of oddities) {
      for (const startedAtMs of oddities) {
        for (const computeMs of oddities) {
          const moments = { sentAtMs: 10, freeAtMs, startedAtMs, computeMs, answeredAtMs: 42 };
          const { awayMs, ...parts } = runPhases(moments);
          const values = Object.values(parts);
          assert.equal(awayMs, 32);
          assert.ok(
            values.every((ms) => ms >= 0),
            JSON.stringify(moments),
          );
          assert.equal(
            values.reduce((sum, ms) => sum + ms, 0),
            32,
            JSON.stringify(moments),
          );
        }
      }
    }
  });
});

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { PartInLoss } from "../../../../src/engine/contract/host-lost-error.ts";
import { ModelFaults } from "../../../../src/service/lifecycle/model-faults.ts";

function faultsAfter(parts: readonly PartInLoss[], betweenMs = 1_000): ModelFaults {
  const faults = new ModelFaults();
  for (const [at, part] of parts.entries()) faults.note(part, "it died", at * betweenMs);
  return faults;
}

const times = (count: number, part: PartInLoss) => Array.from({ length: count }, () => part);

describe("the faults of a model", () => {
  it("make it hopeless after three crashes in a row, or six deaths that something else caused", () => {
    assert.equal(faultsAfter(times(2, "caused")).isHopeless, false);
    assert.equal(faultsAfter(times(3, "caused")).isHopeless, true);
    assert.equal(faultsAfter(times(5, "suspected")).isHopeless, false);
    assert.equal(faultsAfter(times(6, "suspected")).isHopeless, true);
    assert.equal(faultsAfter(times(99, "bystander")).isHopeless, false);
  });

  it("are begun anew by an answer, but for the host of its own", () => {
    const faults = faultsAfter(times(2, "caused"));
    faults.noteSuccess();
    faults.note("caused", "it died", 5_000);
    assert.equal(faults.isHopeless, false);
    assert.equal(faults.isIsolated, true);
  });

  it("isolate it after one crash, or when something else killed two hosts under it", () => {
    assert.equal(faultsAfter(["caused"]).isIsolated, true);
    assert.equal(faultsAfter(["suspected"]).isIsolated, false);
    assert.equal(faultsAfter(times(2, "suspected")).isIsolated, true);
  });

  it("make the pauses before its loads longer, by the deaths of the last minute", () => {
    const pauses = [1, 2, 3, 4, 20].map((count) => faultsAfter(times(count, "suspected")).pauseMs);
    assert.deepEqual(pauses, [0, 100, 200, 400, 5_000]);
    // Hosts that die every now and then, for hours.
    assert.equal(faultsAfter(times(500, "suspected"), 70_000).pauseMs, 0);
    assert.equal(faultsAfter(times(500, "suspected"), 20_000).pauseMs, 200);
  });

  it("ban it for twice as long each time, up to a minute, and again by the next death", () => {
    const faults = faultsAfter(times(3, "caused"));
    const bans = [0, 1, 2, 3].map(() => {
      faults.ban(100_000);
      assert.equal(faults.isHopeless, false);
      faults.note("caused", "it died", 100_000);
      assert.equal(faults.isHopeless, true);
      return faults.bannedForMs(100_000);
    });
    assert.deepEqual(bans, [10_000, 20_000, 40_000, 60_000]);
  });
});

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ModelFootprint } from "../../../src/engine/contract/model-format.ts";
import { plannedSize, sharedHostFactor, sharedModelBytes } from "../../../src/engine/model-size.ts";

const MiB = 1024 * 1024;

/** Sizes in MiB. */
function sizeOf(measured: number | undefined, footprint: Partial<ModelFootprint> = {}): number {
  const known = {
    leastBytes: 8 * MiB,
    idleBytes: 9 * MiB,
    usualBytes: 10 * MiB,
    runBytes: MiB,
    loadingBytes: 10 * MiB,
  };
  const rowProof = { isProven: true } as const;
  const usualRun = { rows: 3, bytes: 0 };
  const rest = { loadedBytes: 15 * MiB, isClear: true, warmupRows: 3, rowProof, usualRun };
  const whole = { ...known, ...rest, ...footprint };
  const bytes = sharedModelBytes(whole, measured === undefined ? undefined : measured * MiB);
  return Math.round((1000 * bytes) / sharedHostFactor / MiB) / 1000;
}

describe("the size of a model in a shared host", () => {
  it("is what was measured, near what the file says", () => {
    for (const measured of [9.5, 10, 10.9]) assert.equal(sizeOf(measured), measured);
  });

  it("is no less than nearly what the file says, if memory that was free hides a part", () => {
    assert.equal(sizeOf(0), 9);
    assert.equal(sizeOf(-3), 9);
  });

  it("is no less than what the file says of a small model, which a host hides altogether", () => {
    const small = { leastBytes: 0.1 * MiB, idleBytes: 0.2 * MiB, usualBytes: 0.5 * MiB };
    assert.equal(sizeOf(0, small), 0.5);
    assert.equal(sizeOf(0.52, small), 0.52);
  });

  it("is what the file says if nothing can be measured", () => {
    assert.equal(sizeOf(undefined), 10);
  });

  it("does not count a growth that may be the host's own", () => {
    assert.equal(sizeOf(11.9), 11);
  });

  it("counts a growth that is too big to be that", () => {
    assert.equal(sizeOf(12.1), 12.1);
    assert.equal(sizeOf(100), 100);
  });

  it("is no less than the weights where the file is not clear", () => {
    assert.equal(sizeOf(0, { isClear: false }), 8);
    assert.equal(sizeOf(9, { isClear: false }), 9);
  });
});

describe("what a load reserves", () => {
  const footprint: ModelFootprint = {
    leastBytes: 8 * MiB,
    idleBytes: 9 * MiB,
    usualBytes: 10 * MiB,
    runBytes: MiB,
    loadedBytes: 60 * MiB,
    loadingBytes: 10 * MiB,
    isClear: true,
    warmupRows: 3,
    usualRun: { rows: 3, bytes: 0 },
    rowProof: { isProven: true },
  };

  it("is the bound where everything is clear, of which the weights are certain", () => {
    const planned = plannedSize(footprint);
    assert.deepEqual([planned.estimatedBytes, planned.leastBytes], [60 * MiB, 9 * MiB]);
  });

  it("is no more than a multiple of what is certain where it is not, whatever was guessed", () => {
    for (const loadedBytes of [49 * MiB, 2 ** 45, 2 ** 50]) {
      const planned = plannedSize({ ...footprint, loadedBytes, isClear: false });
      assert.deepEqual([planned.estimatedBytes, planned.leastBytes], [48 * MiB, 8 * MiB]);
    }
    const modest = plannedSize({ ...footprint, loadedBytes: 20 * MiB, isClear: false });
    assert.equal(modest.estimatedBytes, 20 * MiB);
  });

  it("has such a figure for bounds beyond all reason as well", () => {
    assert.equal(plannedSize({ ...footprint, loadedBytes: 2 ** 45 }).plausibleBytes, 48 * MiB);
  });
});

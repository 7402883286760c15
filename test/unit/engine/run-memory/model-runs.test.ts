import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { TensorSpec } from "../../../../src/base/tensor.ts";
import type { RunTable } from "../../../../src/engine/contract/run-table.ts";
import { type Expectation, ModelRuns } from "../../../../src/engine/run-memory/model-runs.ts";
import { totalOf } from "../../../../src/engine/run-memory/need.ts";

const MiB = 1024 * 1024;
const inputs: readonly TensorSpec[] = [{ name: "x", datatype: "FP32", shape: [-1, -1] }];

/** 1 MiB for each row, whatever the other dimension is. */
const table: RunTable = {
  rows: [1, 64],
  rowInputs: ["x"],
  axes: [{ sizes: [16, 64], places: [{ input: "x", axis: 1 }] }],
  bytes: [1, 64, 1, 64].map((mib) => mib * MiB),
};

function newRuns(
  usual: { rows: number; bytes: number | undefined },
  made: RunTable | "none" = table,
) {
  const asked = { count: 0 };
  const runs = new ModelRuns(usual, async () => {
    asked.count++;
    return made === "none" ? undefined : made;
  });
  const expect = (
    rows: number,
    columns: number,
    { joined = undefined as number | undefined } = {},
  ) =>
    runs.expect(
      [{ index: 0, shape: [rows, columns], data: { byteLength: 4 * rows * columns } }],
      joined,
      inputs,
    );
  return { runs, expect, asked };
}

function mib(expected: Expectation | undefined): number | undefined {
  return expected && Math.round(totalOf(expected.need) / MiB);
}

describe("what the runs of a model need", () => {
  it("is nothing for small ones as its load has made some, and no table is made for them", () => {
    const { expect, asked } = newRuns({ rows: 64, bytes: MiB });
    for (const rows of [1, 64]) assert.equal(totalOf(expect(rows, 16)?.need ?? assert.fail()), 0);
    assert.equal(expect(3, 16), expect(9, 16), "nothing is allocated");
    assert.equal(asked.count, 0);
  });

  it("is what such runs take where that is not little", () => {
    const { expect } = newRuns({ rows: 3, bytes: 100 * MiB });
    assert.equal(mib(expect(1, 16)), 126);
  });

  it("is known of others when the table is there, which is made once", async () => {
    const { runs, expect, asked } = newRuns({ rows: 64, bytes: MiB });
    assert.equal(expect(65, 16), undefined);
    assert.equal(expect(1, 17), undefined);
    await Promise.all([runs.prepare(), runs.prepare()]);
    assert.equal(asked.count, 1);
    assert.equal(mib(expect(80, 16)), 101);
    assert.equal(mib(expect(1, 40)), 0);
    assert.equal(mib(expect(8, 40, { joined: 80 })), 101);
  });

  it("counts inputs, which are there twice", async () => {
    const { runs, expect } = newRuns({ rows: 64, bytes: MiB });
    await runs.prepare();
    const { need } = expect(1, 25 * MiB) ?? assert.fail();
    assert.equal(need.inputBytes, 100 * MiB);
    assert.ok(need.runBytes >= 101 * MiB);
  });

  it("counts texts once more, in the engine's form, which shapes do not tell", async () => {
    const runs = new ModelRuns({ rows: 64, bytes: MiB }, async () => table);
    const texts: readonly TensorSpec[] = [{ name: "x", datatype: "BYTES", shape: [-1, -1] }];
    const long = { index: 0, shape: [1, 1], data: { byteLength: 20 * MiB } };
    // 1.25 times 41, 1, and the inputs twice.
    assert.equal(mib(runs.expect([long], undefined, texts)), 92);
  });

  it("is corrected upward by one run, and downward by several", async () => {
    const { runs, expect } = newRuns({ rows: 64, bytes: MiB });
    await runs.prepare();
    const run = (factor: number) => {
      const expected = expect(80, 16) ?? assert.fail();
      runs.learn(expected, factor * (expected.followedBytes ?? 0));
      return mib(expect(80, 16));
    };
    assert.equal(run(1.5), 151);
    for (let count = 0; count < 7; count++) assert.equal(run(0.6), 151);
    assert.equal(run(0.6), 61);
    assert.equal(run(1), 101);
  });

  it("does not learn from what is lost in the noise", async () => {
    const { runs, expect } = newRuns({ rows: 64, bytes: MiB });
    await runs.prepare();
    runs.learn(expect(4, 17) ?? assert.fail(), 7.9 * MiB);
    assert.equal(mib(expect(80, 16)), 101);
  });

  it("is everything at first where shapes cannot be followed, then what was seen", () => {
    const { runs, expect } = newRuns({ rows: 3, bytes: undefined });
    assert.equal(mib(expect(10, 100)), Number.POSITIVE_INFINITY);
    runs.learn(expect(10, 100) ?? assert.fail(), 40 * MiB);
    assert.equal(mib(expect(10, 100)), 66);
    assert.equal(mib(expect(1, 1)), 66);
    assert.equal(mib(expect(20, 100)), 261, "with the square");
    assert.equal(mib(expect(50, 100)), Number.POSITIVE_INFINITY);
  });

  it("is known of such a model by the runs of its load, too", () => {
    const { runs, expect } = newRuns({ rows: 3, bytes: undefined });
    runs.learnWarmUp(inputs, 3, 50 * MiB);
    assert.equal(mib(expect(3, 16)), 82);
    assert.equal(mib(expect(13, 16)), Number.POSITIVE_INFINITY);
  });

  it("is learnt where the table cannot be made", async () => {
    const { runs, expect } = newRuns({ rows: 64, bytes: MiB }, "none");
    await runs.prepare();
    assert.equal(mib(expect(65, 16)), Number.POSITIVE_INFINITY);
    assert.equal(mib(expect(64, 16)), 0);
  });
});

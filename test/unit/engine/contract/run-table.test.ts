import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type RunTable, tableBytes } from "../../../../src/engine/contract/run-table.ts";

const rows = [1, 64, 4096];
const sizes = [16, 128, 1024, 8192];

function tableOf(bytes: (rows: number, height: number, width: number) => number): RunTable {
  const values: number[] = [];
  for (const width of sizes) {
    for (const height of sizes) for (const count of rows) values.push(bytes(count, height, width));
  }
  const axes = [2, 3].map((axis) => ({ sizes, places: [{ input: "x", axis }] }));
  return { rows, rowInputs: ["x"], axes, bytes: values };
}

const sums: Readonly<Record<string, (rows: number, height: number, width: number) => number>> = {
  "of rows": (n) => 1000 + 4 * n,
  "of images": (n, h, w) => 5000 + 12 * n * h * w,
  "of attention": (n, h, w) => 1000 * w + 4 * n * h * h + 7 * n * h,
  "of pairs of rows": (n, h) => 4 * n * n + 8 * n * h,
  "whichever is bigger": (n, h, w) => Math.max(100_000, 3 * n * h, 5 * n * w),
};

describe("a table of what runs take", () => {
  for (const [name, bytes] of Object.entries(sums)) {
    it(`bounds a sum ${name} from above, and never by more than 2.5 times`, () => {
      const table = tableOf(bytes);
      for (const n of [1, 2, 17, 64, 65, 700, 4096]) {
        for (const h of [16, 20, 100, 128, 500, 8192]) {
          for (const w of [16, 33, 1000, 1024, 4000]) {
            const said = tableBytes(table, n, [h, w]);
            const is = bytes(n, h, w);
            assert.ok(
              said >= 0.999_999 * is && said <= 2.5 * is,
              `${n} ${h} ${w}: ${said} of ${is}`,
            );
          }
        }
      }
    });
  }

  it("is exact where a run grows evenly with its rows", () => {
    const table = tableOf((n) => 1000 + 4 * n);
    for (const n of [1, 9, 64, 1000, 4096, 1_000_000]) {
      const said = tableBytes(table, n, [16, 16]);
      assert.ok(Math.abs(said - 1000 - 4 * n) < 1, String(said));
    }
  });

  it("goes on beyond its samples as it went before, and says no less than its first below them", () => {
    const table = tableOf((n, h) => n * h * h);
    assert.ok(tableBytes(table, 100_000, [100_000, 16]) >= 0.99 * 1e15);
    assert.equal(tableBytes(table, 1, [3, 1]), 256);
    assert.equal(tableBytes(table, 0, [0, 0]), 256);
  });
});

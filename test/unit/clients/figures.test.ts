import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { formatAge, formatBytes, formatMebibytes, formatMs } from "../../../src/clients/figures.ts";

describe("figures", () => {
  it("have three digits and the unit that keeps them short", () => {
    const bytes = [0, 1023, 1024, 1536, 425_984n, 1024 ** 2 - 1, 3 * 1024 ** 4].map(formatBytes);
    assert.deepEqual(bytes, ["0 B", "1023 B", "1 KiB", "1.50 KiB", "416 KiB", "1.00 MiB", "3 TiB"]);
    assert.deepEqual([0.123, 5, 12.34, 999.4, 999.7, 1500, 90_000].map(formatMs), [
      ...["0.12 ms", "5 ms", "12.3 ms", "999 ms", "1.00 s", "1.50 s", "1 min 30 s"],
    ]);
    assert.deepEqual([0, 5_000, 65_000, 59_999, 3_600_000, 90_000_000].map(formatAge), [
      ...["0 s", "5 s", "1 min 5 s", "59 s", "1 h 0 min", "1 d 1 h"],
    ]);
  });

  it("of settings are whole MiB", () => {
    assert.equal(formatMebibytes(2n ** 28n + 5n), "256 MiB");
  });
});

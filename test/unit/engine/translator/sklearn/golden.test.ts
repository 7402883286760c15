import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { translateSklearn } from "../../../../../src/engine/translator/sklearn/translate-sklearn.ts";
import { differences, isExact } from "../../../../support/trees/compare-sklearn.ts";
import {
  goldenVersions,
  readGolden,
  readGoldenFile,
} from "../../../../support/trees/sklearn-golden.ts";

const maxSplits = 100_000;

describe("translateSklearn", () => {
  for (const minor of goldenVersions()) {
    it(`answers as scikit-learn ${minor} did, in batches of 1, 3 and all`, () => {
      const { models } = readGolden(minor);
      const faults: string[] = [];
      for (const [name, golden] of Object.entries(models)) {
        const { onnx } = translateSklearn(readGoldenFile(minor, `${name}.joblib`), { maxSplits });
        // Sums of products may depend on the number of rows. Trees must not.
        const isTree = isExact(name);
        const batches = isTree && ["1.0", "1.9"].includes(minor) ? [1, 3, 64] : [64];
        for (const batch of batches) faults.push(...differences(name, onnx, { golden, batch }));
      }
      assert.ok(Object.keys(models).length > 20);
      assert.deepEqual(faults, []);
    });
  }

  it("makes the same ONNX model of a model, however it was written", () => {
    for (const name of [
      "tree",
      "forest",
      "boosting-three",
      "histogram-categories",
      "mlp",
      "columns",
      "named",
    ]) {
      const translate = (file: string) =>
        Buffer.from(translateSklearn(readGoldenFile("1.9", file), { maxSplits }).onnx);
      const joblib = translate(`${name}.joblib`);
      for (const encoding of ["plain.joblib", "pkl", "skops"]) {
        assert.ok(joblib.equals(translate(`${name}.${encoding}`)), `${name}.${encoding}`);
      }
    }
  });

  it("counts the splits of all copies of trees, and refuses more than may be", () => {
    const file = readGoldenFile("1.9", "forest.joblib");
    const { splits } = translateSklearn(file, { maxSplits });
    // Three trees of up to 7 splits for three classes, less those that lead to equal leaves.
    assert.ok(splits > 20 && splits <= 63, `${splits}`);
    assert.equal(translateSklearn(file, { maxSplits: splits }).splits, splits);
    assert.throws(() => translateSklearn(file, { maxSplits: splits - 1 }), {
      name: "RuntimeError",
      kind: "invalid-argument",
      message: /splits/,
    });
  });
});

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { looksLikeCatboost } from "../../../../../src/engine/translator/catboost/catboost-look.ts";
import { translateCatboost } from "../../../../../src/engine/translator/catboost/translate-catboost.ts";
import { readGoldens } from "../../../../support/trees/goldens.ts";
import { openTranslated } from "../../../../support/trees/run-translated.ts";
import { ulpsBetween } from "../../../../support/trees/ulps.ts";

/** CatBoost has an exponential function of its own, which is quicker than exact. */
const maxUlps = 16;

describe("models of CatBoost 1.2.10", () => {
  for (const { name, file, rows, answers } of readGoldens("catboost", "catboost-1.2.10.json")) {
    it(`answers the hard rows of ${name} as the library does, in any batch`, () => {
      assert(looksLikeCatboost(file));
      const { onnx } = translateCatboost(file, { maxSplits: 10_000 });
      const model = openTranslated(onnx);
      try {
        for (const batch of [1, 3, 64]) {
          const outputs = model.run(rows, batch);
          assert.deepEqual([...outputs.keys()].sort(), [...answers.keys()].sort());
          assert.deepEqual(outputs.get("margin"), answers.get("margin"));
          for (const output of ["predict", "predict_proba"]) {
            for (const [at, expected] of (answers.get(output) ?? []).entries()) {
              const value = outputs.get(output)?.[at];
              const isNear =
                typeof value === "number" && typeof expected === "number"
                  ? ulpsBetween(value, expected) <= maxUlps
                  : value === expected;
              assert(isNear, `${output} ${at} is ${value}, expected ${expected}`);
            }
          }
        }
      } finally {
        model.release();
      }
    });
  }
});

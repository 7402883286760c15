import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { looksLikeLightgbm } from "../../../../../src/engine/translator/lightgbm/lightgbm-look.ts";
import { translateLightgbm } from "../../../../../src/engine/translator/lightgbm/translate-lightgbm.ts";
import { readGoldens } from "../../../../support/trees/goldens.ts";
import { openTranslated } from "../../../../support/trees/run-translated.ts";
import { ulpsBetween } from "../../../../support/trees/ulps.ts";

const maxUlps = 4;

for (const version of ["3.3.5", "4.7.0"]) {
  describe(`models of LightGBM ${version}`, () => {
    for (const { name, file, rows, answers } of readGoldens(
      "lightgbm",
      `lightgbm-${version}.json`,
    )) {
      it(`answers the hard rows of ${name} as the library does, in any batch`, () => {
        assert(looksLikeLightgbm(file));
        const { onnx } = translateLightgbm(file, { maxSplits: 1000 });
        const model = openTranslated(onnx);
        try {
          for (const batch of [1, 3, 64]) {
            const outputs = model.run(rows, batch);
            assert.deepEqual(outputs.get("margin"), answers.get("margin"));
            const values = outputs.get("predict") as number[];
            for (const [at, expected] of (answers.get("predict") as number[]).entries()) {
              const value = values[at] as number;
              assert(
                ulpsBetween(value, expected) <= maxUlps,
                `value ${at} is ${value}, expected ${expected}`,
              );
            }
          }
        } finally {
          model.release();
        }
      });
    }
  });
}

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { translateLightgbm } from "../../../../../src/engine/translator/lightgbm/translate-lightgbm.ts";
import { fuzzRandom } from "../../../../support/attacks/fuzz-seed.ts";
import { fuzzTranslator } from "../../../../support/trees/fuzz-translate.ts";
import { readFixture } from "../../../../support/trees/goldens.ts";

describe("damaged LightGBM files", () => {
  for (const name of ["stump-v4.txt", "categories-v4.txt", "multiclass-v3.txt"]) {
    it(`are refused in words or translated: ${name}`, (t) => {
      const outcome = fuzzTranslator({
        translate: translateLightgbm,
        file: readFixture("lightgbm", name),
        random: fuzzRandom(t),
      });
      assert(outcome.refused > 0, "nothing was refused");
      assert.equal(outcome.translated > 0, !name.startsWith("refused"));
    });
  }
});

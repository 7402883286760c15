import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { translateCatboost } from "../../../../../src/engine/translator/catboost/translate-catboost.ts";
import { fuzzRandom } from "../../../../support/attacks/fuzz-seed.ts";
import { fuzzTranslator } from "../../../../support/trees/fuzz-translate.ts";
import { readFixture } from "../../../../support/trees/goldens.ts";

describe("damaged CatBoost files", () => {
  for (const name of [
    "one-iteration.cbm",
    "multiclass-lossguide.cbm",
    "refused-text.cbm",
    "nan-max.json",
    "lossguide.json",
  ]) {
    it(`are refused in words or translated: ${name}`, (t) => {
      const outcome = fuzzTranslator({
        translate: translateCatboost,
        file: readFixture("catboost", name),
        random: fuzzRandom(t),
      });
      assert(outcome.refused > 0, "nothing was refused");
      assert.equal(outcome.translated > 0, !name.startsWith("refused"));
    });
  }
});

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { translateXgboost } from "../../../../../src/engine/translator/xgboost/translate-xgboost.ts";
import { assertUlps } from "../../../../support/trees/assert-close.ts";
import { type GoldenFile, readGoldenFiles } from "../../../../support/trees/golden-files.ts";
import { type Outputs, openTranslated } from "../../../../support/trees/run-translated.ts";

const maxSplits = 1e6;

/** What Booster.predict answers, under the name that it has. */
function valuesOf(outputs: Outputs, { parts }: GoldenFile): readonly unknown[] | undefined {
  if (parts["predict"] === undefined) return outputs.get("predict");
  return outputs.get("value") ?? outputs.get("predict_proba");
}

function runAll(golden: GoldenFile, rounds: "best" | "all", batch: number): Outputs {
  const { onnx } = translateXgboost(golden.bytes, { maxSplits, rounds });
  const model = openTranslated(onnx);
  const outputs = model.run({ values: golden.parts.rows, columns: golden.columns }, batch);
  model.release();
  return outputs;
}

/** The C library's logarithms near 1, which several expectiles are made of, differ between its versions. */
const isRounded = ({ name }: GoldenFile) => name.startsWith("expectiles");
const goldens = readGoldenFiles("xgboost");
const exact = goldens.filter((golden) => !isRounded(golden));

describe("translateXgboost", () => {
  for (const golden of exact) {
    const { name, parts } = golden;
    it(`answers as XGBoost for ${name}, in batches of any size`, () => {
      for (const batch of [1, 3, 64]) {
        const outputs = runAll(golden, "all", batch);
        // Not deepEqual: 0 and -0 are the same answer.
        const { margin = new Float32Array() } = parts;
        assert.equal(outputs.get("margin")?.length, margin.length);
        for (const [at, expected] of margin.entries()) {
          assert.ok(outputs.get("margin")?.[at] === expected, `${name}: margin ${at}`);
        }
        const { value = new Float32Array() } = parts;
        assertUlps(valuesOf(outputs, golden), value, { ulps: 0, name: `${name}: values` });
        if (parts["predict"] === undefined) continue;
        assert.deepEqual(outputs.get("predict"), Array.from(parts["predict"]));
        const expected = parts["predict_proba"] ?? new Float32Array();
        // Python computes those of softmax with its own exponential function.
        assertUlps(outputs.get("predict_proba"), expected, {
          ulps: name.startsWith("classifier-softmax") ? 4 : 0,
          name: `${name}: probabilities`,
        });
      }
    });

    if (parts["best_margin"] === undefined) continue;
    it(`stops at the best round of ${name} unless all are wanted`, () => {
      const outputs = runAll(golden, "best", 64);
      assert.deepEqual(outputs.get("margin"), Array.from(parts["best_margin"] as Float32Array));
      const value = parts["best_value"] as Float32Array;
      assertUlps(outputs.get("predict"), value, { ulps: 0, name });
    });
  }

  for (const golden of goldens.filter(isRounded)) {
    it(`answers as XGBoost for ${golden.name}, but for the last bits of its terms`, () => {
      const outputs = runAll(golden, "all", 64);
      for (const part of ["margin", "value"] as const) {
        const answers = outputs.get(part === "value" ? "predict" : part);
        const expected = golden.parts[part] ?? new Float32Array();
        assert.equal(answers?.length, expected.length);
        for (const [at, value] of expected.entries()) {
          assert.ok(Math.abs(Number(answers?.[at]) - value) <= 1e-6, `${part} ${at}`);
        }
      }
    });
  }

  it("takes the best round unless it is told otherwise", () => {
    const golden = goldens.find(({ name }) => name === "early-stop-3.4.1.json");
    assert.ok(golden);
    const best = translateXgboost(golden.bytes, { maxSplits, rounds: "best" });
    assert.deepEqual(translateXgboost(golden.bytes, { maxSplits }), best);
    assert.ok(best.splits < translateXgboost(golden.bytes, { maxSplits, rounds: "all" }).splits);
  });

  it("makes the same bytes each time", () => {
    const [golden] = goldens;
    assert.ok(golden);
    const once = translateXgboost(golden.bytes, { maxSplits });
    assert.deepEqual(translateXgboost(golden.bytes, { maxSplits }), once);
  });
});

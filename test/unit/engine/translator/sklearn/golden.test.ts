import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { translateSklearn } from "../../../../../src/engine/translator/sklearn/translate-sklearn.ts";
import {
  answersOf,
  expectedValues,
  type GoldenModel,
  goldenVersions,
  readGolden,
  readGoldenFile,
} from "../../../../support/trees/sklearn-golden.ts";

const maxSplits = 100_000;

/** How far an output may be from what scikit-learn answered. */
interface Tolerance {
  readonly absolute: number;
  readonly relative: number;
}

const exact: Tolerance = { absolute: 0, relative: 0 };
/** e^x of ONNX Runtime and of numpy differ in their last bits. */
const powers: Tolerance = { absolute: 4e-16, relative: 4 * 2 ** -52 };
/** Sums that begin with numpy's logarithm, whose last bit depends on the processor. */
const logarithms: Tolerance = { absolute: 1e-15, relative: 0 };
/** Products of matrices are added up in an order of their own. */
const products: Tolerance = { absolute: 1e-12, relative: 1e-12 };

/** Powers in float32: XGBoost and we round them in other places. */
const singlePowers: Tolerance = { absolute: 0, relative: 2 * 2 ** -23 };

function toleranceOf(model: string, output: string): Tolerance {
  if (model === "xgb-poisson") return singlePowers;
  if (/^(?:xgb|lgb)/.test(model)) {
    if (output !== "predict_proba") return exact;
    return model.startsWith("xgb") ? singlePowers : powers;
  }
  if (/^(?:tree|forest|extra|columns|imputer|polynomial)/.test(model)) return exact;
  if (/^(?:named-|pipeline-forest)/.test(model)) return exact;
  if (model === "histogram-poisson") return powers;
  if (/^histogram|^boosting-(?:zero|values|huber)/.test(model)) {
    return output === "predict_proba" ? powers : exact;
  }
  return model.startsWith("boosting") ? logarithms : products;
}

/** `undefined` if the values are as close as they have to be. Texts, labels and flags have to be the same. */
function difference(
  found: readonly unknown[],
  expected: readonly unknown[],
  { absolute, relative }: Tolerance,
): string | undefined {
  if (found.length !== expected.length) return `${found.length} values, not ${expected.length}`;
  for (const [at, wanted] of expected.entries()) {
    const value = found[at];
    if (Object.is(value, wanted) || value === wanted) continue;
    const isClose =
      typeof value === "number" &&
      typeof wanted === "number" &&
      Math.abs(value - wanted) <= absolute + relative * Math.abs(wanted);
    if (!isClose) return `value ${at} is ${value}, not ${wanted}`;
  }
  return undefined;
}

function compare(name: string, onnx: Uint8Array, golden: GoldenModel, batch: number): string[] {
  const answers = answersOf(onnx, golden.inputs, batch);
  const faults: string[] = [];
  for (const [output, expected] of Object.entries(golden.outputs)) {
    const found = answers.get(output);
    // MLPClassifier and others have no decision function in scikit-learn either.
    if (found === undefined) {
      faults.push(`${name}: no output ${output}`);
      continue;
    }
    const datatypes = {
      double: "FP64",
      float: "FP32",
      int64: "INT64",
      bool: "BOOL",
      string: "BYTES",
    };
    if (found.datatype !== datatypes[expected.type]) {
      faults.push(`${name}: ${output} is ${found.datatype}, not ${expected.type}`);
    }
    if (`${found.shape}` !== `${expected.shape}`) {
      faults.push(`${name}: ${output} has shape [${found.shape}], not [${expected.shape}]`);
    }
    const tolerance = toleranceOf(name, output);
    const fault = difference(found.values, expectedValues(expected), tolerance);
    if (fault !== undefined) faults.push(`${name}: ${output} in batches of ${batch}: ${fault}`);
  }
  return faults;
}

describe("translateSklearn", () => {
  for (const minor of goldenVersions()) {
    it(`answers as scikit-learn ${minor} did, in batches of 1, 3 and all`, () => {
      const { models } = readGolden(minor);
      const faults: string[] = [];
      for (const [name, golden] of Object.entries(models)) {
        const { onnx } = translateSklearn(readGoldenFile(minor, `${name}.joblib`), { maxSplits });
        // Sums of products may depend on the number of rows. Trees must not.
        const isTree = toleranceOf(name, "predict") === exact;
        const batches = isTree && ["1.0", "1.9"].includes(minor) ? [1, 3, 64] : [64];
        for (const batch of batches) faults.push(...compare(name, onnx, golden, batch));
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
      "histogram",
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

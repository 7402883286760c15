import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { translateSklearn } from "../../src/engine/translator/sklearn/translate-sklearn.ts";
import { missingFor, runPython } from "../clients/python-script.ts";
import { fuzzSeed } from "../support/attacks/fuzz-run.ts";
import { differences } from "../support/trees/compare-sklearn.ts";
import { readGoldenFolder } from "../support/trees/sklearn-golden.ts";

// As for random-models.test.ts.
const { MODELPORT_TREES_PYTHON, MODELPORT_REQUIRE_TREES, MODELPORT_FUZZ_SEED } = process.env;
const python = MODELPORT_TREES_PYTHON || "python3";
const isRequired = MODELPORT_REQUIRE_TREES === "1";
const modelCount = Number(process.env["MODELPORT_TREE_MODELS"] || 45);

const missing = await missingFor(python, ["joblib", "numpy", "sklearn"]);
const skip = missing === undefined || isRequired ? false : missing;

describe("models that scikit-learn trains with random parameters", { skip }, () => {
  let folder: string;
  const seed = fuzzSeed(MODELPORT_FUZZ_SEED);

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "modelport-sklearn-"));
  });

  after(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  it(`answer as scikit-learn does: 2,000 rows of each of ${modelCount}`, async (t) => {
    t.diagnostic(`repeat with MODELPORT_FUZZ_SEED=${seed}`);
    assert.equal(missing, undefined);
    const script = join(import.meta.dirname, "random_sklearn.py");
    const run = await runPython(python, [script, folder, String(seed), String(modelCount)], {
      timeoutMs: 300_000 + 10_000 * modelCount,
    });
    assert.equal(run.status, 0, run.stderr);
    const { models } = readGoldenFolder(folder);
    assert.equal(Object.keys(models).length, modelCount);
    for (const [name, golden] of Object.entries(models)) {
      await t.test(`${name}: ${golden.about}`, async () => {
        const file = await readFile(join(folder, `${name}.joblib`));
        const { onnx } = translateSklearn(file, { maxSplits: 1_000_000 });
        for (const batch of [37, 2000]) {
          assert.deepEqual(differences(name, onnx, { golden, batch }), []);
        }
      });
    }
  });
});

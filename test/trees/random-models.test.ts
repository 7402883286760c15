import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { translators } from "../../src/engine/translator/translators.ts";
import { missingFor, runPython } from "../clients/python-script.ts";
import { fuzzSeed } from "../support/attacks/fuzz-run.ts";
import { type Golden, readGoldens } from "../support/trees/goldens.ts";
import { openTranslated } from "../support/trees/run-translated.ts";

// Where the Python with the libraries is, whether doing without it is an error, and how many models to try.
const { MODELPORT_TREES_PYTHON, MODELPORT_REQUIRE_TREES, MODELPORT_FUZZ_SEED } = process.env;
const python = MODELPORT_TREES_PYTHON || "python3";
const isRequired = MODELPORT_REQUIRE_TREES === "1";
const modelCount = Number(process.env["MODELPORT_TREE_MODELS"] || 45);

/** Powers of e differ by some units in the last place, and so do answers made of several. CatBoost's are rather quick than exact. */
const tolerance: Readonly<Record<string, number>> = {
  lightgbm: 3e-15,
  catboost: 2e-14,
  xgboost: 1.2e-7,
};

const missing = await missingFor(python, ["catboost", "lightgbm", "numpy", "xgboost"]);
const skip = missing === undefined || isRequired ? false : missing;

describe("models that the libraries train with random parameters", { skip }, () => {
  let folder: string;
  const seed = fuzzSeed(MODELPORT_FUZZ_SEED);

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "modelport-trees-"));
  });

  after(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  it(`answer as the libraries do: 2,000 rows of each of ${modelCount}`, async (t) => {
    t.diagnostic(`repeat with MODELPORT_FUZZ_SEED=${seed}`);
    assert.equal(missing, undefined);
    const script = join(import.meta.dirname, "random_models.py");
    const run = await runPython(python, [script, folder, String(seed), String(modelCount)], {
      timeoutMs: 300_000 + 10_000 * modelCount,
    });
    assert.equal(run.status, 0, run.stderr);
    const models = readGoldens(folder, "random-models.json");
    assert.equal(models.length, modelCount);
    for (const model of models) {
      await t.test(`${model.name} of ${model.family}: ${model.about}`, () => check(model));
    }
  });
});

async function check({ family, file, rows, answers }: Golden): Promise<void> {
  const translate = await translators[family]?.();
  assert(translate !== undefined, `no translator for ${family}`);
  const model = openTranslated(translate(file, { maxSplits: 1_000_000 }).onnx);
  try {
    for (const batch of [37, 2000]) {
      const outputs = model.run(rows, batch);
      for (const [name, expected] of answers) {
        const actual = outputs.get(name) ?? [];
        assert.equal(actual.length, expected.length, name);
        for (const [at, value] of expected.entries()) {
          const isEqual =
            name === "margin" || typeof value !== "number"
              ? Object.is(actual[at], value) || actual[at] === value
              : isNear(Number(actual[at]), value, tolerance[family] ?? 0);
          assert(
            isEqual,
            `${name} ${at} in batches of ${batch} is ${actual[at]}, expected ${value}`,
          );
        }
      }
    }
  } finally {
    model.release();
  }
}

function isNear(actual: number, expected: number, relative: number): boolean {
  if (actual === expected || (Number.isNaN(actual) && Number.isNaN(expected))) return true;
  return Math.abs(actual - expected) <= relative * Math.abs(expected) + 1e-300;
}

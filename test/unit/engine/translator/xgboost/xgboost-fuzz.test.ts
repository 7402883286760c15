import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { RuntimeError } from "../../../../../src/base/errors.ts";
import { translateXgboost } from "../../../../../src/engine/translator/xgboost/translate-xgboost.ts";
import { fuzzRandom } from "../../../../support/attacks/fuzz-seed.ts";
import { mutateBytes } from "../../../../support/attacks/mutate.ts";
import { readGoldenFiles } from "../../../../support/trees/golden-files.ts";
import { openTranslated } from "../../../../support/trees/run-translated.ts";

const goldens = readGoldenFiles("xgboost");
const smallest = goldens.toSorted((one, other) => one.bytes.length - other.bytes.length);
const mutants = 1_500;

/** The ONNX of a damaged file; undefined if it was refused, which must be in words. */
function translated(file: Uint8Array): Uint8Array | undefined {
  try {
    return translateXgboost(file, { maxSplits: 1e5 }).onnx;
  } catch (reason) {
    assert.ok(reason instanceof RuntimeError, `${(reason as Error).stack}`);
    assert.equal(reason.kind, "invalid-argument");
    assert.match(reason.message, /^[^\n]{20,600}$/);
    return undefined;
  }
}

describe("translateXgboost, given damaged files", () => {
  it("refuses each truncation", () => {
    for (const kind of [".json", ".ubj"]) {
      const file = smallest.find(({ name }) => name.endsWith(kind));
      assert.ok(file);
      for (let end = 0; end < file.bytes.length; end++) {
        assert.equal(translated(file.bytes.subarray(0, end)), undefined, `${file.name}: ${end}`);
      }
    }
  });

  it("refuses or translates whatever has a flipped bit", (t) => {
    const random = fuzzRandom(t);
    for (const kind of [".json", ".ubj"]) {
      const file = smallest.find(({ name }) => name.endsWith(kind));
      assert.ok(file);
      for (let at = random.below(4); at < file.bytes.length; at += 1 + random.below(6)) {
        const copy = Uint8Array.from(file.bytes);
        copy[at] = (copy[at] as number) ^ (1 << random.below(8));
        translated(copy);
      }
    }
  });

  it("makes models that ONNX Runtime can run, if any", (t) => {
    const random = fuzzRandom(t);
    for (let count = 0; count < mutants; count++) {
      const { bytes, columns, parts } = goldens[random.below(goldens.length)] ?? goldens[0] ?? {};
      assert.ok(bytes && parts);
      const onnx = translated(mutateBytes(bytes, random));
      if (onnx === undefined || random.below(8) > 0) continue;
      const model = openTranslated(onnx);
      try {
        model.run({ values: parts.rows, columns: columns ?? 0 }, 64);
      } catch (reason) {
        // The mutant may have another number of features.
        assert.match(String(reason), /dimensions|columns|shape|expected/i);
      }
      model.release();
    }
  });
});

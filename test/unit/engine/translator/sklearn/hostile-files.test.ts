import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { deflateRawSync } from "node:zlib";
import { RuntimeError } from "../../../../../src/base/errors.ts";
import { looksLikeSklearn } from "../../../../../src/engine/translator/sklearn/sklearn-look.ts";
import { translateSklearn } from "../../../../../src/engine/translator/sklearn/translate-sklearn.ts";
import { fuzzRandom } from "../../../../support/attacks/fuzz-seed.ts";
import { mutateBytes } from "../../../../support/attacks/mutate.ts";
import { openModel } from "../../../../support/onnx/run-model.ts";
import { pickleOf, write } from "../../../../support/trees/pickle-writer.ts";
import {
  goldenVersions,
  readGolden,
  readGoldenFile,
} from "../../../../support/trees/sklearn-golden.ts";
import { zipOf } from "../../../../support/trees/zip-writer.ts";

const options = { maxSplits: 100_000 };

function refuses(file: Uint8Array, message: RegExp): void {
  assert.throws(
    () => translateSklearn(file, options),
    (error) => {
      assert.ok(error instanceof RuntimeError, `${error}`);
      assert.equal(error.kind, "invalid-argument");
      assert.match(error.message, message);
      return true;
    },
  );
}

/** Whether the file was translated; otherwise it was refused. */
function isTranslated(file: Uint8Array): Uint8Array | undefined {
  try {
    return translateSklearn(file, options).onnx;
  } catch (error) {
    assert.ok(error instanceof RuntimeError, `${(error as Error).stack}`);
    assert.equal(error.kind, "invalid-argument");
    return undefined;
  }
}

/** A fitted estimator of this class, with these attributes. */
function estimator(name: string, attributes: Readonly<Record<string, number[]>>): number[] {
  const all = {
    _sklearn_version: write.text("1.9.1"),
    n_features_in_: write.int(2),
    ...attributes,
  };
  return [
    ...write.global("sklearn.pipeline", name),
    ...write.emptyTuple(),
    ...write.newObject(),
    ...write.emptyDict(),
    ...Object.entries(all).flatMap(([key, value]) => [
      ...write.text(key),
      ...value,
      ...write.setItem(),
    ]),
    ...write.build(),
  ];
}

const smallest = [
  "tree.plain.joblib",
  "columns.pkl",
  "named.pkl",
  "pipeline.plain.joblib",
  "tree.skops",
];

describe("translateSklearn with files that are not what they should be", () => {
  it("refuses an estimator that it does not know by its class and version, with what it knows", () => {
    refuses(
      pickleOf(estimator("SVC", {})),
      /sklearn\.pipeline\.SVC of scikit-learn 1\.9\.1, which is not supported\. Supported are .*RandomForestClassifier.*skl2onnx/,
    );
  });

  it("refuses a pipeline that begins with such an estimator by that one's class", () => {
    const step = write.tuple(
      write.text("words"),
      estimator("TfidfVectorizer", { n_features_in_: write.none() }),
    );
    const file = pickleOf(
      estimator("Pipeline", { n_features_in_: write.none(), steps: write.tuple(step) }),
    );
    refuses(file, /TfidfVectorizer of scikit-learn 1\.9\.1, which is not supported/);
  });

  it("refuses versions that are not tested", () => {
    for (const version of ["0.24.2", "1.10.0", "2.0", "", "1"]) {
      refuses(
        pickleOf(estimator("Pipeline", { _sklearn_version: write.text(version) })),
        /versions 1\.0 to 1\.9 can be read/,
      );
    }
  });

  it("refuses what is not a fitted estimator", () => {
    refuses(pickleOf(write.none()), /holds nothing, not a scikit-learn model/);
    refuses(pickleOf(write.emptyDict()), /holds a dict/);
    refuses(pickleOf(write.text("model")), /holds a string/);
    refuses(
      pickleOf(estimator("LinearRegression", {})),
      /coef_ of the file's LinearRegression is missing: was it fitted/,
    );
  });

  it("refuses numbers of columns that no request could have", () => {
    for (const count of [2 ** 18 + 1, 2 ** 31 - 1, -1]) {
      const file = pickleOf(estimator("GaussianNB", { n_features_in_: write.int(count) }));
      refuses(
        file,
        /n_features_in_ of the file's GaussianNB is -?\d+, expected a number up to 262144/,
      );
    }
  });

  it("ends for pipelines that contain themselves, or each other many times over", () => {
    const step = (value: number[]) => write.tuple(write.text("step"), value);
    // The object is in the memo before it gets its state, in which it is a step.
    const itself = pickleOf(
      write.global("sklearn.pipeline", "Pipeline"),
      write.emptyTuple(),
      write.newObject(),
      write.memoize(),
      write.emptyDict(),
      write.text("_sklearn_version"),
      write.text("1.9.1"),
      write.setItem(),
      write.text("n_features_in_"),
      write.int(2),
      write.setItem(),
      write.text("steps"),
      write.tuple(step(write.get(0))),
      write.setItem(),
      write.build(),
    );
    refuses(itself, /nests more than 64 pipelines/);
    // 2^30 steps in the end.
    const opcodes: number[][] = [];
    for (let level = 0; level < 30; level++) {
      const steps = level === 0 ? [] : [step(write.get(level - 1)), step(write.get(level - 1))];
      opcodes.push(
        estimator("FeatureUnion", { transformer_list: write.tuple(...steps) }),
        write.memoize(),
      );
      if (level < 29) opcodes.push([0x30]);
    }
    refuses(pickleOf(...opcodes), /more than 10000 steps/);
  });

  it("refuses archives that are not of skops, and bombs", () => {
    refuses(zipOf({ "archive/data.pkl": Buffer.from("x") }), /without the schema\.json/);
    refuses(zipOf({ "schema.json": Buffer.from("{") }), /is not JSON/);
    refuses(zipOf({ "schema.json": Buffer.from("[]") }), /damaged/);
    const deep = `${'{"__loader__":"ListNode","content":['.repeat(20_000)}${"]}".repeat(20_000)}`;
    refuses(zipOf({ "schema.json": Buffer.from(deep) }), /nests more than 400/);
    const name = (loader: string, module: string, type: string) =>
      zipOf({
        "schema.json": Buffer.from(
          JSON.stringify({
            __loader__: loader,
            __module__: module,
            __class__: type,
            content: null,
          }),
        ),
      });
    refuses(name("ObjectNode", "os", "system"), /os\.system/);
    refuses(name("MethodNode", "builtins", "eval"), /builtins\.eval/);
    // Zeros that are said to be 4 MiB, and are 16.
    const packed = deflateRawSync(new Uint8Array(16 * 1024 ** 2));
    refuses(zipOf({ "schema.json": { packed, bytes: 4 * 1024 ** 2 } }), /cut short or damaged/);
  });

  it("refuses every truncation of a file", () => {
    for (const name of smallest) {
      const file = readGoldenFile("1.9", name);
      const step = Math.ceil(file.length / 800);
      for (let length = 0; length < file.length; length += step) {
        // Fields at the very end of an archive say nothing of its content.
        const isRefused = isTranslated(file.subarray(0, length)) === undefined;
        assert.ok(isRefused, `${name} of ${length} bytes`);
      }
    }
  });

  it("refuses or translates a file with any bit flipped, and what it translates loads", (t) => {
    const random = fuzzRandom(t);
    let translated = 0;
    for (const name of smallest) {
      const file = readGoldenFile("1.9", name);
      const step = Math.ceil(file.length / 300);
      for (let at = random.below(step); at < file.length; at += step) {
        const flipped = Buffer.from(file);
        flipped[at] = (flipped[at] as number) ^ (1 << random.below(8));
        const onnx = isTranslated(flipped);
        if (onnx === undefined) continue;
        translated++;
        if (translated % 16 === 0) openModel(onnx).release();
      }
    }
    assert.ok(translated > 50, `${translated} translated`);
  });

  it("refuses or translates a file with wounds of any kind", (t) => {
    const random = fuzzRandom(t);
    const files = [
      "forest",
      "boosting-three",
      "histogram-categories",
      "mlp",
      "forest-pairs",
    ].flatMap((name) =>
      ["plain.joblib", "pkl", "skops"].map((encoding) =>
        readGoldenFile("1.9", `${name}.${encoding}`),
      ),
    );
    for (let round = 0; round < 1000; round++) {
      isTranslated(mutateBytes(files[round % files.length] as Buffer, random));
    }
  });
});

describe("looksLikeSklearn", () => {
  it("knows every golden file by its head", () => {
    for (const minor of goldenVersions()) {
      for (const name of Object.keys(readGolden(minor).models)) {
        assert.ok(
          looksLikeSklearn(readGoldenFile(minor, `${name}.joblib`).subarray(0, 65536)),
          name,
        );
      }
    }
    for (const name of ["tree.plain.joblib", "columns.pkl", "columns.skops", "named.skops"]) {
      assert.ok(looksLikeSklearn(readGoldenFile("1.9", name).subarray(0, 4096)), name);
    }
  });

  it("does not take other files for models of scikit-learn", () => {
    const torch = pickleOf(write.global("torch._utils", "_rebuild_tensor_v2"), write.emptyTuple());
    const archive = zipOf({ "archive/data.pkl": torch });
    const others = [
      torch,
      archive,
      Buffer.from("{}"),
      Buffer.from("x\x9cabc", "latin1"),
      new Uint8Array(),
    ];
    for (const file of others) assert.equal(looksLikeSklearn(file), false);
  });
});

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { RuntimeError } from "../../../../../src/base/errors.ts";
import { looksLikeCatboost } from "../../../../../src/engine/translator/catboost/catboost-look.ts";
import { translateCatboost } from "../../../../../src/engine/translator/catboost/translate-catboost.ts";
import { readFixture } from "../../../../support/trees/goldens.ts";
import { metadataOf } from "../../../../support/trees/metadata-of.ts";
import { openTranslated } from "../../../../support/trees/run-translated.ts";

const options = { maxSplits: 10_000 };

type Json = Record<string, unknown>;

const split = (index: number) => ({ split_index: index });

/** A model of two features with these parts in place of the usual ones: feature 0 has borders 0 and 1, feature 1 has 2. */
function written(parts: Json = {}): Uint8Array {
  const model = {
    features_info: {
      float_features: [
        { flat_feature_index: 0, borders: [0, 1], nan_value_treatment: "AsFalse" },
        { flat_feature_index: 1, borders: [2], nan_value_treatment: "AsTrue" },
      ],
    },
    oblivious_trees: [{ splits: [split(0), split(2)], leaf_values: [1, 2, 4, 8] }],
    scale_and_bias: [1, [0]],
    ...parts,
  };
  return new TextEncoder().encode(JSON.stringify(model));
}

const branching = (...trees: unknown[]) => ({ oblivious_trees: undefined, trees });

function answersTo(file: Uint8Array, values: readonly number[], columns: number) {
  const model = openTranslated(translateCatboost(file, options).onnx);
  try {
    return model.run({ values: Float32Array.from(values), columns });
  } finally {
    model.release();
  }
}

function refusalOf(file: Uint8Array, message: RegExp): void {
  assert.throws(() => translateCatboost(file, options), { kind: "invalid-argument", message });
}

describe("looksLikeCatboost", () => {
  const looks = (text: string) => looksLikeCatboost(new TextEncoder().encode(text));

  it("goes by the first bytes, or by the first key of the JSON", () => {
    assert(looks("CBM1\0\0\0\0"));
    assert(looks('{\n"features_info":\n  {'));
    assert(looks('{"oblivious_trees": []'));
    assert(!looks('{"learner":{"features_info":1'));
    assert(!looks("CBM"));
    assert(!looks(""));
  });
});

describe("translateCatboost", () => {
  it("takes what is greater than a border to the higher leaves, by bits", () => {
    const rows = [0, 2, 0.5, 2, 0, 3, 0.5, 3];
    assert.deepEqual(answersTo(written(), rows, 2).get("margin"), [1, 2, 4, 8]);
  });

  it("treats NaN as each feature says", () => {
    assert.deepEqual(answersTo(written(), [NaN, NaN], 2).get("margin"), [4]);
  });

  it("leaves out branches of a symmetric tree that no row can reach", () => {
    // Three borders of two features: of x > 1, x > 0 is known.
    const tree = { splits: [split(1), split(0), split(2)], leaf_values: [0, 1, 2, 3, 4, 5, 6, 7] };
    const file = written({ oblivious_trees: [tree] });
    const rows = [-1, 0, 0.5, 0, 2, 0, -1, 9, 0.5, 9, 2, 9];
    assert.deepEqual(answersTo(file, rows, 2).get("margin"), [0, 2, 3, 4, 6, 7]);
    assert.equal(translateCatboost(file, options).splits, 5);
  });

  it("reads a tree without splits, and one that is a single leaf", () => {
    const single = written({ oblivious_trees: [{ splits: null, leaf_values: [3] }] });
    assert.deepEqual(answersTo(single, [0, 0], 2).get("predict"), [3]);
    assert.deepEqual(answersTo(written(branching({ value: 5 })), [0, 0], 2).get("predict"), [5]);
  });

  it("writes nested trees as deep as ONNX Runtime can run, and refuses deeper ones", () => {
    const nested = (depth: number) => {
      let node = '{"value":1}';
      for (let level = 0; level < depth; level++) {
        node = `{"left":${node},"right":{"value":${level}},"split":{"split_index":0}}`;
      }
      const text = new TextDecoder().decode(written(branching("TREE")));
      return new TextEncoder().encode(text.replace('"TREE"', node));
    };
    assert.equal(translateCatboost(nested(1000), options).splits, 1000);
    refusalOf(nested(9000), /tree 0 of this CatBoost model has more than 4096 levels/);
    refusalOf(
      nested(200_000),
      /this CatBoost model has more than|has more than 4096 levels|splits/,
    );
  });

  it("makes the same model of both forms of a file", () => {
    for (const name of ["regression", "multiclass-lossguide"]) {
      const [cbm, json] = ["cbm", "json"].map((form) =>
        answersTo(readFixture("catboost", `${name}.${form}`), [0.1, 0.2, NaN, -0.4, 0.5], 5),
      );
      assert.deepEqual(cbm, json);
    }
  });

  it("names features that have names, classes and the version", () => {
    const named = metadataOf(translateCatboost(readFixture("catboost", "named.cbm"), options).onnx);
    assert.equal(named.get("modelport.format"), "catboost");
    assert.equal(named.get("modelport.library"), "CatBoost 1.2.10");
    assert.equal(named.get("modelport.features"), '["age","income","visits","days","score"]');
    assert(!named.has("modelport.classes"));
    const texts = translateCatboost(readFixture("catboost", "binary-text.cbm"), options);
    assert.equal(metadataOf(texts.onnx).get("modelport.classes"), '["no","yes"]');
    assert(!metadataOf(texts.onnx).has("modelport.features"));
  });

  it("serves booleans as the classes that they are", () => {
    const info = { class_params: { class_names: [false, true] } };
    const file = written({
      model_info: { ...info, params: { loss_function: { type: "Logloss" } } },
    });
    const low = { oblivious_trees: [{ splits: [split(0)], leaf_values: [-1, 1] }] };
    const outputs = answersTo(written({ model_info: info, ...low }), [0, 0, 1, 0], 2);
    assert.deepEqual(outputs.get("predict"), [false, true]);
    assert.equal(answersTo(file, [0, 0], 2).get("predict_proba")?.length, 2);
  });

  it("serves a model with a categorical column that its trees do not read", () => {
    const features_info = {
      float_features: [{ flat_feature_index: 0, borders: [0], nan_value_treatment: "AsIs" }],
      categorical_features: [{ flat_feature_index: 1 }],
    };
    const oblivious_trees = [{ splits: [split(0)], leaf_values: [1, 2] }];
    const file = written({ features_info, oblivious_trees });
    assert.deepEqual(answersTo(file, [1, 0, NaN, 7], 2).get("margin"), [2, 1]);
  });

  describe("refuses", () => {
    it("trees that decide by categories or texts", () => {
      for (const [name, kind] of [
        ["refused-one-hot.cbm", "categorical"],
        ["refused-statistics.cbm", "categorical"],
        ["refused-statistics.json", "categorical"],
        ["refused-text.cbm", "text"],
      ] as const) {
        refusalOf(
          readFixture("catboost", name),
          new RegExp(`decides by ${kind} features \\(feature 1\\), and only numeric ones`),
        );
      }
    });

    it("symmetric trees that are too large written out, before it writes them", () => {
      const borders = Array.from({ length: 20 }, () => [0.5]);
      const features_info = {
        float_features: borders.map((own, column) => ({
          flat_feature_index: column,
          borders: own,
        })),
      };
      const tree = {
        splits: borders.map((_, index) => split(index)),
        leaf_values: new Array(2 ** 20).fill(0),
      };
      refusalOf(
        written({ features_info, oblivious_trees: [tree] }),
        /needs more than 10000 splits when its symmetric trees are written out/,
      );
    });

    it("other versions of .cbm", () => {
      const file = readFixture("catboost", "regression.cbm");
      const text = Buffer.from(file)
        .toString("latin1")
        .replace("FlabuffersModel_v1", "FlabuffersModel_v9");
      refusalOf(Buffer.from(text, "latin1"), /has the format "FlabuffersModel_v9"/);
    });

    it("a .cbm that is cut off", () => {
      const file = readFixture("catboost", "regression.cbm");
      refusalOf(file.slice(0, 6), /is cut off in its head/);
      refusalOf(file.slice(0, 4000), /is cut off: its description has \d+ bytes/);
    });

    it("leaves of more values than there are, before it makes room for them", () => {
      const file = readFixture("catboost", "multiclass-lossguide.cbm");
      const view = new DataView(file.buffer, file.byteOffset);
      // Leaves have 3 values. Their number is the only integer 3 whose change the leaves do not survive.
      let refused = 0;
      for (let at = 8; at + 4 <= file.length; at += 4) {
        if (view.getInt32(at, true) !== 3) continue;
        for (const damaged of [-1, 0, 2 ** 28, 2 ** 31 - 1]) {
          view.setInt32(at, damaged, true);
          try {
            translateCatboost(file, options);
          } catch (reason) {
            assert(reason instanceof RuntimeError);
            if (/its leaves have|leaf values, \d+ for each leaf/.test(reason.message)) refused++;
          }
        }
        view.setInt32(at, 3, true);
      }
      assert.equal(refused, 4);
    });

    it("what is no model at all", () => {
      refusalOf(new TextEncoder().encode("hello"), /begins neither with "CBM1" nor with "{"/);
      refusalOf(new TextEncoder().encode('{"features_info": ]'), /its JSON cannot be read/);
    });

    const malformed: readonly [string, Json, RegExp][] = [
      ["no trees", { oblivious_trees: [] }, /has no trees/],
      [
        "a split without a border",
        { oblivious_trees: [{ splits: [split(3)], leaf_values: [1, 2] }] },
        /tree 0 has split 3, but there are 3 borders/,
      ],
      [
        "too few leaves",
        {
          oblivious_trees: [
            { splits: [split(0)], leaf_values: [1, 2] },
            { splits: [split(0)], leaf_values: [1] },
          ],
        },
        /tree 1 has 1 leaf values, expected 2/,
      ],
      [
        "a fraction of a value per leaf",
        { oblivious_trees: [{ splits: [split(0)], leaf_values: [1, 2, 3] }] },
        /its leaves have 1.5 values/,
      ],
      [
        "leaves of different kinds",
        branching({ split: split(0), left: { value: 1 }, right: { value: [1, 2] } }),
        /has 2 values, others have 1|has 1 values, others have 2/,
      ],
      [
        "a node that is nothing",
        branching({ split: split(0), left: { value: 1 } }),
        /is not an object/,
      ],
      [
        "a bias of another size",
        { scale_and_bias: [1, [0, 0]] },
        /bias has 2 numbers for 1 scores/,
      ],
      [
        "names of other classes",
        { model_info: { class_params: { class_names: ["a", "b", "c"] } } },
        /3 class names, expected 2/,
      ],
      [
        "classes of two types",
        { model_info: { class_params: { class_names: ["a", 1] } } },
        /neither all text/,
      ],
      [
        "a border that is no number",
        { features_info: { float_features: [{ flat_feature_index: 0, borders: ["x"] }] } },
        /holds something that is not a number/,
      ],
    ];
    for (const [name, parts, message] of malformed) {
      it(name, () => refusalOf(written(parts), message));
    }
  });
});

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { looksLikeLightgbm } from "../../../../../src/engine/translator/lightgbm/lightgbm-look.ts";
import { translateLightgbm } from "../../../../../src/engine/translator/lightgbm/translate-lightgbm.ts";
import { readFixture } from "../../../../support/trees/goldens.ts";
import { metadataOf } from "../../../../support/trees/metadata-of.ts";
import { openTranslated } from "../../../../support/trees/run-translated.ts";

const options = { maxSplits: 10_000 };
const bytesOf = (text: string) => new TextEncoder().encode(text);
const textOf = (name: string) => new TextDecoder().decode(readFixture("lightgbm", name));

/** A model of two features, with these lines of its only tree and of its head in place of the usual ones. */
function written(tree: Record<string, string> = {}, head: Record<string, string> = {}): Uint8Array {
  const lines = (values: Record<string, string>) =>
    Object.entries(values).map(([key, value]) => `${key}=${value}`);
  return bytesOf(
    [
      "tree",
      ...lines({
        version: "v4",
        num_class: "1",
        num_tree_per_iteration: "1",
        max_feature_idx: "1",
        objective: "regression",
        feature_names: "a b",
        ...head,
      }),
      "",
      "Tree=0",
      ...lines({
        num_leaves: "3",
        num_cat: "0",
        split_feature: "0 1",
        threshold: "0.5 -1e300",
        decision_type: "2 2",
        left_child: "1 -1",
        right_child: "-2 -3",
        leaf_value: "1 2 4",
        ...tree,
      }),
      "",
      "",
      "end of trees",
      "",
    ].join("\n"),
  );
}

function answersTo(file: Uint8Array, values: readonly number[], columns: number) {
  const model = openTranslated(translateLightgbm(file, options).onnx);
  try {
    return model.run({ values: Float64Array.from(values), columns });
  } finally {
    model.release();
  }
}

function refusalOf(file: Uint8Array, message: RegExp): void {
  assert.throws(() => translateLightgbm(file, options), { kind: "invalid-argument", message });
}

describe("looksLikeLightgbm", () => {
  it("goes by the first two lines", () => {
    assert(looksLikeLightgbm(bytesOf("tree\nversion=v4\n")));
    assert(looksLikeLightgbm(bytesOf("tree\r\nversion=v3\r\n")));
    assert(!looksLikeLightgbm(bytesOf("tree\n")));
    assert(!looksLikeLightgbm(bytesOf("trees of the forest\nversion=1\n")));
    assert(!looksLikeLightgbm(new Uint8Array()));
  });
});

describe("translateLightgbm", () => {
  it("counts splits, and refuses more of them than the load can hold", () => {
    assert.equal(translateLightgbm(written(), options).splits, 2);
    assert.throws(() => translateLightgbm(written(), { maxSplits: 1 }), {
      kind: "invalid-argument",
      message: /LightGBM model have more than 1 splits/,
    });
  });

  it("makes the same bytes of the same file", () => {
    const file = readFixture("lightgbm", "categories-v4.txt");
    assert.deepEqual(translateLightgbm(file, options).onnx, translateLightgbm(file, options).onnx);
  });

  it("reads lines that Windows ended", () => {
    const windows = textOf("binary-v4.txt").replaceAll("\n", "\r\n");
    assert.deepEqual(
      translateLightgbm(bytesOf(windows), options).onnx,
      translateLightgbm(readFixture("lightgbm", "binary-v4.txt"), options).onnx,
    );
  });

  it("answers probabilities of both classes beside the second one's", () => {
    const file = readFixture("lightgbm", "binary-v4.txt");
    const outputs = answersTo(file, [0.1, 0.2, 0.3, 0.4, 0.5], 5);
    const [p = 0] = outputs.get("predict") as number[];
    assert.deepEqual(outputs.get("predict_proba"), [1 - p, p]);
  });

  it("answers several classes with the same probabilities under both names", () => {
    const outputs = answersTo(readFixture("lightgbm", "multiclass-v4.txt"), [0, 1, 0, 2, 0], 5);
    assert.equal(outputs.get("predict")?.length, 3);
    assert.deepEqual(outputs.get("predict_proba"), outputs.get("predict"));
  });

  it("has no probabilities without classes", () => {
    assert.deepEqual([...answersTo(written(), [0, 0], 2).keys()], ["predict", "margin"]);
  });

  it("names the features, the version, and what the codes of pandas' categories stand for", () => {
    const metadata = metadataOf(
      translateLightgbm(readFixture("lightgbm", "pandas-v4.txt"), options).onnx,
    );
    assert.equal(metadata.get("modelport.format"), "lightgbm");
    assert.equal(metadata.get("modelport.library"), "LightGBM (v4)");
    assert.equal(metadata.get("modelport.features"), '["age","plan","city"]');
    assert.equal(metadata.get("modelport.categories"), '{"plan":["free","pro"],"city":[0,1,2,3]}');
  });

  it("leaves out names that two features share", () => {
    const { onnx } = translateLightgbm(written({}, { feature_names: "a a" }), options);
    assert.equal(metadataOf(onnx).has("modelport.features"), false);
  });

  it("takes NaN as zero where nothing is missing, whatever the default side is", () => {
    // No missing type, default left; 0 > -0.25.
    const file = written({ threshold: "-0.25 0", decision_type: "2 2" });
    assert.deepEqual(answersTo(file, [NaN, 5, -1, 5, -1, NaN], 2).get("margin"), [2, 4, 1]);
  });

  it("lets NaN and nothing missing share a column", () => {
    const file = written({ split_feature: "0 0", decision_type: "2 8", threshold: "0.5 -1" });
    // NaN is 0 for the root, missing for the other node, which has no default on the left.
    assert.deepEqual(answersTo(file, [NaN, 0, -2, 0, 0, 0, 1, 0], 2).get("margin"), [4, 1, 4, 2]);
  });

  it("takes a threshold of infinity for one that every number is below", () => {
    const file = written({ threshold: "inf 0" });
    assert.deepEqual(answersTo(file, [Infinity, 0, Infinity, 1], 2).get("margin"), [1, 4]);
  });

  it("takes an empty set for one that has no category", () => {
    const file = written({
      num_cat: "1",
      decision_type: "2 1",
      threshold: "0.5 0",
      cat_boundaries: "0 1",
      cat_threshold: "0",
    });
    assert.deepEqual(answersTo(file, [0, 0, 0, 1, 0, NaN], 2).get("margin"), [4, 4, 4]);
  });

  it("divides the scores of a random forest by its rounds for the answer alone", () => {
    const file = bytesOf(
      new TextDecoder()
        .decode(written())
        .replace("\nobjective", "\naverage_output\nobjective")
        .replace("end of trees", "Tree=1\nnum_leaves=1\nnum_cat=0\nleaf_value=2\n\n\nend of trees"),
    );
    const outputs = answersTo(file, [1, 0], 2);
    assert.deepEqual(outputs.get("margin"), [4]);
    assert.deepEqual(outputs.get("predict"), [2]);
  });

  describe("refuses", () => {
    it("a file that is cut off", () => {
      refusalOf(
        bytesOf(textOf("binary-v4.txt").slice(0, 3000)),
        /is cut off|is malformed: tree \d/,
      );
      refusalOf(bytesOf("tree\nversion=v4\n"), /is cut off: the line "end of trees" is missing/);
      refusalOf(new Uint8Array(), /is cut off/);
    });

    it("linear trees", () => {
      refusalOf(
        readFixture("lightgbm", "refused-linear-v4.txt"),
        /^this LightGBM model has linear trees \(tree 0\), .*linear_tree=false$/,
      );
    });

    it("a column where zero is missing for some nodes only", () => {
      refusalOf(
        written({ split_feature: "0 0", decision_type: "4 8" }),
        /reads feature 0 \("a"\) with and without 0 as a missing value.*train it anew/,
      );
    });

    it("a column that is a category and a number", () => {
      const sets = { num_cat: "1", cat_boundaries: "0 1", cat_threshold: "5" };
      refusalOf(
        written({ split_feature: "1 1", decision_type: "2 1", threshold: "0 0", ...sets }),
        /reads feature 1 \("b"\) as a category and as a number/,
      );
    });

    it("an objective that it does not know, and says how to get raw scores", () => {
      refusalOf(written({}, { objective: "mine" }), /unknown objective "mine".*objective=custom/);
    });

    it("versions of other formats", () => {
      refusalOf(written({}, { version: "v2" }), /version "v2", expected v3 or v4/);
    });

    it("files without trees", () => {
      const text = new TextDecoder().decode(written());
      const empty = text.slice(0, text.indexOf("Tree=0")) + text.slice(text.indexOf("end of"));
      refusalOf(bytesOf(empty), /has no trees/);
    });

    const malformed: readonly [string, Record<string, string>, RegExp][] = [
      ["a child that does not exist", { left_child: "7 -1" }, /node 0 of tree 0 has the child 7/],
      ["a leaf that does not exist", { right_child: "-2 -9" }, /node 1 of tree 0 has the child -9/],
      ["a cycle", { left_child: "1 0" }, /which has another parent/],
      ["a shared child", { right_child: "-1 -3" }, /which has another parent/],
      ["a feature that does not exist", { split_feature: "0 2" }, /compares feature 2/],
      ["a negative feature", { split_feature: "0 -1" }, /compares feature -1/],
      ["a leaf of no finite value", { leaf_value: "1 nan 4" }, /is a leaf of value NaN/],
      [
        "a threshold that is no number",
        { threshold: "nan 0" },
        /node 0 of tree 0 has no threshold/,
      ],
      ["too few thresholds", { threshold: "0.5" }, /1 numbers in "threshold", expected 2/],
      ["a word among numbers", { threshold: "0.5 x" }, /has "x" in "threshold", expected a number/],
      ["a number of leaves that is none", { num_leaves: "many" }, /no "num_leaves"/],
      ["leaves beyond all memory", { num_leaves: "1073741823" }, /expected 1073741823/],
      ["the missing type 3", { decision_type: "12 2" }, /has the missing type 3/],
      ["decision types out of range", { decision_type: "-1 2" }, /decision type out of range/],
      ["a set that does not exist", { decision_type: "1 2" }, /has no set of categories/],
      [
        "sets out of order",
        { num_cat: "1", cat_boundaries: "0 -1", cat_threshold: "" },
        /cat_boundaries out of order/,
      ],
    ];
    for (const [name, lines, message] of malformed) {
      it(name, () => refusalOf(written(lines), message));
    }

    it("more classes than it has trees", () => {
      refusalOf(
        written({}, { num_class: "1000000000", num_tree_per_iteration: "1000000000" }),
        /has 1 trees for 1000000000 outputs/,
      );
    });

    it("names that are not as many as the features", () => {
      refusalOf(written({}, { max_feature_idx: "2" }), /2 feature names for 3 features/);
    });

    it("a tree too deep for ONNX Runtime", () => {
      const inner = 5000;
      const list = (make: (node: number) => number) =>
        Array.from({ length: inner }, (_, node) => make(node)).join(" ");
      const chain = {
        num_leaves: String(inner + 1),
        split_feature: list(() => 0),
        threshold: list((node) => node),
        decision_type: list(() => 2),
        left_child: list((node) => (node === inner - 1 ? ~inner : node + 1)),
        right_child: list((node) => ~node),
        leaf_value: `${list(() => 1)} 1`,
      };
      refusalOf(written(chain), /tree 0 of this LightGBM model has more than 4096 levels/);
    });
  });
});

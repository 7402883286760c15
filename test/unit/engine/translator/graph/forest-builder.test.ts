import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { RuntimeError } from "../../../../../src/base/errors.ts";
import { GraphBuilder } from "../../../../../src/engine/onnx/write/graph-builder.ts";
import { ForestBuilder } from "../../../../../src/engine/translator/graph/forest-builder.ts";
import { splitMode, type Tree } from "../../../../../src/engine/translator/graph/tree.ts";
import { fuzzRandom } from "../../../../support/attacks/fuzz-seed.ts";
import { type RandomTrees, randomRow, randomTree } from "../../../../support/trees/random-trees.ts";
import { openTranslated } from "../../../../support/trees/run-translated.ts";
import { walkForest } from "../../../../support/trees/walk-forest.ts";

const what = "test model";

function modelOf(forest: ForestBuilder, type: "float" | "double", columns: number): Uint8Array {
  const graph = new GraphBuilder();
  const input = graph.input("input", type, ["N", columns]);
  graph.output("margin", forest.emit(graph, input), { type, shape: ["N", "K"] });
  return graph.finish();
}

/** A tree of one split of column 0: 1 below zero, otherwise 2. */
function stump(changes: Partial<Tree> = {}): Tree {
  return {
    nodeCount: 3,
    feature: Int32Array.of(0, 0, 0),
    threshold: Float32Array.of(0, 0, 0),
    mode: splitMode.less,
    trueChild: Int32Array.of(1, -1, -1),
    falseChild: Int32Array.of(2, -1, -1),
    missingTracksTrue: Uint8Array.of(0, 0, 0),
    values: Float32Array.of(0, 1, 2),
    targets: [0],
    ...changes,
  };
}

function forestOf(columns = 1, maxSplits = 1e6): ForestBuilder {
  return new ForestBuilder({ what, type: "float", columns, targets: 1, maxSplits });
}

/** A tree without branches but the one that leads `depth` levels down. */
function chain(depth: number): Tree {
  const nodeCount = 2 * depth + 1;
  const inner = Int32Array.from({ length: nodeCount }, (_, node) => (node < depth ? node + 1 : -1));
  return stump({
    nodeCount,
    feature: new Int32Array(nodeCount),
    threshold: new Float32Array(nodeCount),
    trueChild: inner,
    falseChild: Int32Array.from(inner, (_, node) => (node < depth ? depth + 1 + node : -1)),
    missingTracksTrue: new Uint8Array(nodeCount),
    values: new Float32Array(nodeCount).fill(1),
  });
}

describe("ForestBuilder", () => {
  it("makes forests that answer as their trees say, whatever these are", (t) => {
    const random = fuzzRandom(t);
    for (let round = 0; round < 60; round++) {
      const options: RandomTrees = {
        type: random.pick(["float", "double"]),
        columns: 1 + random.below(6),
        targets: 1 + random.below(3),
        categories: new Map(
          [0, 2].flatMap((column): [number, number][] =>
            random.below(2) === 0 ? [[column, 1 + random.below(80)]] : [],
          ),
        ),
      };
      const hasTables = random.below(2) === 0;
      const forest = new ForestBuilder({
        what,
        ...options,
        maxSplits: 1e6,
        ...(hasTables ? {} : { categories: new Map() }),
      });
      const trees = Array.from({ length: 1 + random.below(8) }, () => randomTree(random, options));
      for (const [at, tree] of trees.entries()) forest.addTree(tree, `tree ${at}`);
      const rows = Array.from({ length: 65 }, () => randomRow(random, options));
      const model = openTranslated(modelOf(forest, options.type, options.columns));
      const round_ = options.type === "float" ? Math.fround : (value: number) => value;
      const expected = rows.flatMap((row) =>
        walkForest(trees, row, { targets: options.targets, round: round_ }),
      );
      const numbers = options.type === "float" ? Float32Array : Float64Array;
      for (const batch of [1, 3, 64]) {
        const answers = model.run(
          { values: numbers.from(rows.flat()), columns: options.columns },
          batch,
        );
        assert.deepEqual(answers.get("margin"), expected, `forest ${round}, batches of ${batch}`);
      }
      model.release();
    }
  });

  it("starts a sum from a constant", () => {
    const forest = forestOf();
    forest.addConstant(0, 0.5);
    forest.addTree(stump(), "tree 0");
    const model = openTranslated(modelOf(forest, "float", 1));
    const answers = model.run({ values: Float32Array.of(-1, 0, Number.NaN), columns: 1 });
    assert.deepEqual(answers.get("margin"), [1.5, 2.5, 2.5]);
    model.release();
  });

  it("answers zero without any trees", () => {
    const model = openTranslated(modelOf(forestOf(), "float", 1));
    assert.deepEqual(model.run({ values: Float32Array.of(5), columns: 1 }).get("margin"), [0]);
    model.release();
  });

  it("makes a tree of 4,096 levels that ONNX Runtime can run", () => {
    const forest = forestOf();
    forest.addTree(chain(4_096), "tree 0");
    const model = openTranslated(modelOf(forest, "float", 1));
    assert.deepEqual(model.run({ values: Float32Array.of(5), columns: 1 }).get("margin"), [1]);
    model.release();
  });

  it("makes large sets that ONNX Runtime can search", () => {
    const forest = forestOf();
    const set = Int32Array.from({ length: 50_000 }, (_, at) => 2 * at);
    forest.addTree(stump({ mode: splitMode.member, members: new Map([[0, set]]) }), "tree 0");
    const model = openTranslated(modelOf(forest, "float", 1));
    const values = Float32Array.of(0, 1, 99_998, 99_999);
    assert.deepEqual(model.run({ values, columns: 1 }).get("margin"), [1, 2, 1, 2]);
    model.release();
    assert.equal(forest.splits, 50_001);
  });

  it("looks large sets up in tables, and searches those for which there is no room", () => {
    const categories = new Map([[0, 20_000]]);
    const options = { what, type: "float", columns: 1, targets: 1, maxSplits: 1e6 } as const;
    const forest = new ForestBuilder({ ...options, categories });
    // A table of 20,000 rows has room for some 830 sets in 64 MiB.
    const sets = Array.from({ length: 1_000 }, (_, at) =>
      Int32Array.from({ length: 40 }, (__, member) => 10 * at + 100 * member),
    );
    for (const [at, set] of sets.entries()) {
      const members = new Map([[0, set]]);
      forest.addTree(stump({ mode: splitMode.member, members }), `tree ${at}`);
    }
    assert.ok(forest.splits > 1_000 + 40 * 100 && forest.splits < 1_000 + 40 * 200);
    const model = openTranslated(modelOf(forest, "float", 1));
    const values = Float32Array.of(0, 9_990, 13_880, 13_881, 20_000, Number.NaN);
    // 1 in a set, 2 outside.
    const expected = Array.from(values, (value) =>
      sets.reduce((sum, set) => sum + (set.includes(value) ? 1 : 2), 0),
    );
    assert.deepEqual(model.run({ values, columns: 1 }).get("margin"), expected);
    model.release();
  });

  const malformed: readonly (readonly [string, Tree, RegExp])[] = [
    [
      "a cycle",
      stump({ falseChild: Int32Array.of(0, -1, -1) }),
      /node 0 of tree 7 has the child 0/,
    ],
    ["a shared child", stump({ falseChild: Int32Array.of(1, -1, -1) }), /has another parent/],
    ["a child that is out of range", stump({ trueChild: Int32Array.of(3, -1, -1) }), /child 3/],
    ["one child only", stump({ falseChild: Int32Array.of(-1, -1, -1) }), /child -1/],
    ["a feature that does not exist", stump({ feature: Int32Array.of(1, 0, 0) }), /feature 1/],
    ["a negative feature", stump({ feature: Int32Array.of(-1, 0, 0) }), /feature -1/],
    ["a threshold that is not a number", stump({ threshold: Float32Array.of(NaN) }), /threshold/],
    ["an infinite leaf", stump({ values: Float32Array.of(0, 1, Infinity) }), /leaf of value Inf/],
    ["a leaf that is not a number", stump({ values: Float32Array.of(0, NaN, 1) }), /node 1 .* NaN/],
    ["a leaf that overflows", stump({ values: Float64Array.of(0, 1, 1e39) }), /value 1e\+39/],
    ["too few values", stump({ values: Float32Array.of(0, 1) }), /leaf without a value/],
    ["no nodes", stump({ nodeCount: 0 }), /tree 7 has no nodes/],
    ["4,097 levels", chain(4_097), /more than 4096 levels/],
    ["100,000 levels", chain(100_000), /more than 4096 levels/],
    ["no set", stump({ mode: splitMode.member }), /no set of categories/],
    [
      "a set out of order",
      stump({ mode: splitMode.member, members: new Map([[0, [2, 1]]]) }),
      /categories 2 and 1 in this order/,
    ],
    [
      "a set of more than 2^24 categories",
      stump({ mode: splitMode.member, members: new Map([[0, [2 ** 24]]]) }),
      /category 16777216/,
    ],
  ];
  for (const [name, tree, message] of malformed) {
    it(`refuses a tree with ${name}`, () => {
      assert.throws(
        () => forestOf().addTree(tree, "tree 7"),
        (reason) =>
          reason instanceof RuntimeError &&
          reason.kind === "invalid-argument" &&
          message.test(reason.message),
      );
    });
  }

  it("refuses more splits than there may be, before it keeps them", () => {
    const forest = forestOf(1, 10);
    assert.throws(() => forest.addTree(chain(11), "tree 0"), /more than 10 splits/);
    assert.equal(forest.splits, 0);
  });

  it("counts a tree once for each of its targets", () => {
    const forest = new ForestBuilder({ what, type: "float", columns: 1, targets: 2, maxSplits: 2 });
    forest.addTree(stump({ targets: [0, 1], values: new Float32Array(6) }), "tree 0");
    assert.equal(forest.splits, 2);
  });

  it("refuses a million features", () => {
    assert.throws(() => forestOf(1_000_000), /1000000 features/);
  });

  it("makes the same bytes each time", () => {
    const make = () => {
      const forest = forestOf();
      forest.addTree(chain(9), "tree 0");
      return modelOf(forest, "float", 1);
    };
    assert.deepEqual(make(), make());
  });
});

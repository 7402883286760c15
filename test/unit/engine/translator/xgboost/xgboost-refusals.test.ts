import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { RuntimeError } from "../../../../../src/base/errors.ts";
import { translateXgboost } from "../../../../../src/engine/translator/xgboost/translate-xgboost.ts";
import { readGoldenFiles } from "../../../../support/trees/golden-files.ts";

const files = new Map(readGoldenFiles("xgboost").map(({ name, bytes }) => [name, bytes]));

/** A model as JSON, to be changed. */
interface Learner {
  readonly learner_model_param: Record<string, string>;
  readonly objective: Record<string, unknown>;
  readonly gradient_booster: {
    name: string;
    readonly model: {
      readonly trees: Record<string, number[]>[];
      tree_info: number[];
    };
  };
}

interface Model {
  readonly learner: Learner;
  version: number[];
}

function bytesOf(name: string): Uint8Array {
  const bytes = files.get(name);
  assert.ok(bytes, name);
  return bytes;
}

/** The bytes of a golden file after a change. */
function changed(change: (model: Model) => void, name = "binary-3.4.1.json"): Uint8Array {
  const model = JSON.parse(Buffer.from(bytesOf(name)).toString()) as Model;
  change(model);
  return Buffer.from(JSON.stringify(model));
}

function treeOf(model: Model): Record<string, number[]> {
  return model.learner.gradient_booster.model.trees[1] as Record<string, number[]>;
}

function set(list: number[] | undefined, at: number, value: number): void {
  assert.ok(list !== undefined && at < list.length);
  list[at] = value;
}

function firstLeaf(tree: Record<string, number[]>): number {
  return (tree["left_children"] as number[]).indexOf(-1);
}

function assertRefused(file: Uint8Array, message: RegExp, maxSplits = 1e6): void {
  assert.throws(
    () => translateXgboost(file, { maxSplits }),
    (reason) => {
      assert.ok(reason instanceof RuntimeError, String(reason));
      assert.equal(reason.kind, "invalid-argument");
      assert.match(reason.message, message);
      return true;
    },
  );
}

function ubjson(...parts: (string | readonly number[] | Uint8Array)[]): Uint8Array {
  return Buffer.concat(
    parts.map((part) =>
      typeof part === "string" ? Buffer.from(part, "latin1") : Buffer.from(part),
    ),
  );
}

const learnerKey = ubjson("{L", [0, 0, 0, 0, 0, 0, 0, 7], "learner");

describe("translateXgboost refuses", () => {
  it("a cycle, and names tree and node", () => {
    const file = changed((model) => set(treeOf(model)["left_children"], 1, 0));
    assertRefused(file, /node 1 of tree 1 has the child 0, which has another parent/);
  });

  it("a shared child", () => {
    const file = changed((model) => {
      const tree = treeOf(model);
      set(tree["left_children"], 0, (tree["right_children"] as number[])[0] as number);
    });
    assertRefused(file, /node 0 of tree 1 has the child \d+, which has another parent/);
  });

  it("a child out of range", () => {
    const file = changed((model) => set(treeOf(model)["right_children"], 0, 1e6));
    assertRefused(file, /has the child 1000000/);
    const beyond = changed((model) => set(treeOf(model)["right_children"], 0, 2 ** 32));
    assertRefused(beyond, /'learner.gradient_booster.model.trees\[1\].right_children'/);
  });

  it("a feature out of range", () => {
    const file = changed((model) => set(treeOf(model)["split_indices"], 0, 5));
    assertRefused(file, /node 0 of tree 1 compares feature 5, but the model has 5 features/);
  });

  it("leaves that are not finite", () => {
    const tree = JSON.parse(Buffer.from(bytesOf("binary-3.4.1.json")).toString()) as Model;
    const leaf = firstLeaf(treeOf(tree));
    for (const word of ["NaN", "Infinity", "-Infinity", "1e39"]) {
      const file = changed((model) => set(treeOf(model)["split_conditions"], leaf, 123456789));
      const text = Buffer.from(file).toString().replace("123456789", word);
      assertRefused(Buffer.from(text), /node \d+ of tree 1 is a leaf of value/);
    }
  });

  it("a tree that is 100,000 levels deep", () => {
    const file = changed((model) => {
      const depth = 100_000;
      const count = 2 * depth + 1;
      const inner = (node: number) => node < depth;
      const fill = (value: (node: number) => number) =>
        Array.from({ length: count }, (_, at) => value(at));
      Object.assign(treeOf(model), {
        left_children: fill((node) => (inner(node) ? node + 1 : -1)),
        right_children: fill((node) => (inner(node) ? depth + 1 + node : -1)),
        split_indices: fill(() => 0),
        split_conditions: fill(() => 0.5),
        default_left: fill(() => 0),
        split_type: fill(() => 0),
      });
    });
    assertRefused(file, /tree 1 .* more than 4096 levels/);
  });

  it("lists that are too short", () => {
    const file = changed((model) => void treeOf(model)["split_conditions"]?.pop());
    assertRefused(file, /trees\[1\].split_conditions' is a list of \d+ numbers, expected/);
    const info = changed((model) => model.learner.gradient_booster.model.tree_info.pop());
    assertRefused(info, /tree_info/);
  });

  it("a tree without nodes", () => {
    const file = changed((model) => Object.assign(treeOf(model), { left_children: [] }));
    assertRefused(file, /tree 1 has no nodes/);
  });

  it("an output that does not exist", () => {
    const file = changed((model) => set(model.learner.gradient_booster.model.tree_info, 1, 1));
    assertRefused(file, /tree 1 adds to output 1 of 1/);
  });

  it("a million features", () => {
    const file = changed((model) => {
      model.learner.learner_model_param["num_feature"] = "1000000";
    });
    assertRefused(file, /1000000 features, and at most 262144/);
  });

  it("a billion classes, without an array of them", () => {
    for (const key of ["num_class", "num_target"]) {
      const file = changed((model) => {
        model.learner.learner_model_param[key] = "1000000000";
      });
      assertRefused(file, /1000000000 classes or targets, and at most 65536/);
    }
  });

  it("no features", () => {
    const file = changed((model) => {
      model.learner.learner_model_param["num_feature"] = "0";
    });
    assertRefused(file, /has no features/);
  });

  it("a malformed base score", () => {
    for (const score of ["", "x", "[1,2]", "[]", "NaN", "1e99"]) {
      const file = changed((model) => {
        model.learner.learner_model_param["base_score"] = score;
      });
      assertRefused(file, /base_score' is ".*", expected one number/);
    }
  });

  it("an unknown objective, and names those that it knows", () => {
    const file = changed((model) => {
      model.learner.objective["name"] = "reg:mine";
    });
    assertRefused(file, /objective 'reg:mine', and these are supported: .*binary:logistic/);
  });

  it("an unknown booster", () => {
    const file = changed((model) => {
      model.learner.gradient_booster.name = "gbforest";
    });
    assertRefused(file, /unknown booster 'gbforest', and gbtree, dart and gblinear are supported/);
  });

  it("a linear booster with too few weights, or with one that is not finite", () => {
    const linear = Buffer.from(bytesOf("linear-3.4.1.json")).toString();
    assertRefused(
      Buffer.from(linear.replace('"num_feature":"5"', '"num_feature":"6"')),
      /model.weights' is a list of 6 numbers, expected a list of 7 numbers/,
    );
    assertRefused(Buffer.from(linear.replace('"weights":[', '"weights":[NaN,')), /not a finite/);
  });

  it("versions that do not exist yet", () => {
    const file = changed((model) => {
      model.version = [4, 0, 0];
    });
    assertRefused(file, /XGBoost model of version 4.0.0/);
  });

  it("more splits than there is room for", () => {
    assertRefused(bytesOf("binary-3.4.1.json"), /have more than 20 splits/, 20);
  });

  it("a feature of both kinds", () => {
    const file = changed((model) => {
      // A set of one tree, and a number of another.
      const trees = model.learner.gradient_booster.model.trees;
      const places = trees.flatMap((tree) =>
        (tree["split_type"] as number[]).map((type, node) => ({ tree, type, node })),
      );
      const ofSet = places.find(({ type }) => type === 1);
      const number = places.find(
        ({ tree, type, node }) => type === 0 && tree["left_children"]?.[node] !== -1,
      );
      assert.ok(ofSet && number);
      set(
        number.tree["split_indices"],
        number.node,
        ofSet.tree["split_indices"]?.[ofSet.node] ?? -1,
      );
    }, "partitions-3.4.1.json");
    assertRefused(file, /compares feature \d with numbers in some nodes and with categories/);
  });

  it("sets outside of the list of categories", () => {
    const file = changed((model) => {
      const tree = model.learner.gradient_booster.model.trees[0] as Record<string, number[]>;
      set(tree["categories_segments"], 0, 1e6);
    }, "partitions-3.4.1.json");
    assertRefused(file, /categories_segments\[0\]' is 1000000/);
  });

  it("the old binary format, and says how to convert it", () => {
    assertRefused(Buffer.from("binf\0\0\0\0"), /binary format.*save it as .json or .ubj/);
  });

  it("JSON beyond 512 MiB without reading it", () => {
    // The system gives its pages when they are read.
    const file = Buffer.alloc(600 * 1024 * 1024);
    file.write('{"learner":{');
    assertRefused(file, /JSON of 629145600 bytes, and at most 536870912 are read: save it as .ubj/);
  });

  it("lengths of 2^63, and whatever else exceeds the file", () => {
    const huge = [0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    assertRefused(ubjson(learnerKey, "SL", huge, "x"), /cut off/);
    assertRefused(ubjson(learnerKey, "[$d#L", huge), /cut off/);
    assertRefused(ubjson(learnerKey, "[$Z#L", huge), /elements of type 'Z'|cut off/);
    assertRefused(ubjson(learnerKey, "[#L", huge), /cut off/);
    assertRefused(ubjson(learnerKey, "{#L", huge), /cut off/);
    assertRefused(ubjson(learnerKey, "SL", [0xff, 0, 0, 0, 0, 0, 0, 0]), /a length is -/);
    assertRefused(ubjson("{L", huge, "learner"), /cut off|looks like/);
  });

  it("values nested without end", () => {
    assertRefused(ubjson(learnerKey, "[".repeat(1e6)), /more than 32 levels/);
    assertRefused(Buffer.from(`{"learner":${"[".repeat(1e6)}`), /more than 32 levels/);
  });

  it("files that are something else", () => {
    assertRefused(Buffer.from('{"learner": 5}'), /'learner' is 5, expected an object/);
    assertRefused(Buffer.from('{"learner": {}, "a": }'), /a value is missing/);
    assertRefused(Buffer.from(""), /cut off/);
    assertRefused(Buffer.from("[1, 2]"), /not an object/);
  });
});

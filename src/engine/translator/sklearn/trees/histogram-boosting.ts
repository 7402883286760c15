import { floatTensor, int64Tensor, scalar } from "../../../onnx/write/graph-tensor.ts";
import {
  cast,
  exponential,
  flatten,
  sigmoid,
  softmax,
  withComplement,
} from "../../graph/transforms.ts";
import { fieldDoubles, toDoubles } from "../../pickle/array-elements.ts";
import { NumpyArray } from "../../pickle/numpy-array.ts";
import { PythonList, PythonObject } from "../../pickle/python-value.ts";
import { readClasses } from "../estimator/class-list.ts";
import type { Estimator } from "../estimator/estimator.ts";
import { asNumbers, columnOf, type Features } from "../estimator/features.ts";
import type { Outcome } from "../estimator/outcome.ts";
import type { Translating } from "../estimator/translating.ts";
import { addForest, newForest } from "./forest.ts";
import { type TreeArrays, treeFor } from "./tree-arrays.ts";

const wordsPerSet = 8;

/** HistGradientBoostingRegressor and -Classifier. */
export function translateHistogramBoosting(
  to: Translating,
  estimator: Estimator,
  features: Features,
): Outcome {
  const { graph } = to;
  const columns = estimator.count("n_features_in_");
  const targets = estimator.count("n_trees_per_iteration_");
  if (targets === 0) return estimator.wrong("n_trees_per_iteration_", "is 0");
  const forest = newForest(to, { estimator, columns, targets });
  const baseline = estimator.doubles("_baseline_prediction");
  for (let target = 0; target < targets; target++) {
    forest.addConstant(target, baseline[baseline.length === 1 ? 0 : target] ?? Number.NaN);
  }
  for (const [at, iteration] of estimator.list("_predictors").entries()) {
    const trees = iteration instanceof PythonList ? iteration.items : [];
    if (trees.length !== targets) {
      return estimator.wrong(
        "_predictors",
        `has ${trees.length} trees instead of ${targets} in round ${at}`,
      );
    }
    for (const [target, predictor] of trees.entries()) {
      const tree = readPredictor(predictor as PythonObject, estimator);
      forest.addTree(treeFor(tree, tree.values, target), `tree ${target} of round ${at}`);
    }
  }
  const raw = addForest(to, forest, columnsOfTrees(to, estimator, features), false);
  if (!estimator.has("classes_")) {
    const values = flatten(graph, raw);
    const isLog = ["poisson", "gamma"].includes(estimator.text("loss"));
    return { kind: "values", values: isLog ? exponential(graph, values, "double") : values };
  }
  const classes = readClasses(estimator.value("classes_"), estimator.called("classes_"));
  const expected = targets === 1 ? 2 : targets;
  if (classes.labels.length !== expected) {
    return estimator.wrong(
      "classes_",
      `has ${classes.labels.length} classes instead of ${expected}`,
    );
  }
  if (targets > 1) {
    return {
      kind: "classes",
      classes,
      index: graph.node("ArgMax", [raw], {
        attributes: { axis: { int: 1 }, keepdims: { int: 0 } },
      }),
      proba: softmax(graph, raw, "double"),
      margin: { value: raw, columns: targets },
    };
  }
  const margin = flatten(graph, raw);
  const isSecond = graph.node("Greater", [margin, graph.constant(scalar("double", 0))]);
  return {
    kind: "classes",
    classes,
    index: graph.node("Cast", [isSecond], { attributes: { to: { int: 7 } } }),
    proba: withComplement(graph, sigmoid(graph, margin, { type: "double" }), "double"),
    margin: { value: margin },
  };
}

function readPredictor(predictor: PythonObject, estimator: Estimator): TreeArrays {
  const nodes = predictor instanceof PythonObject ? predictor.attribute("nodes") : undefined;
  if (!(nodes instanceof NumpyArray) || nodes.size === 0) {
    return estimator.wrong("_predictors", "has a tree without nodes");
  }
  const read = (name: string) => fieldDoubles(nodes, name, estimator.called("_predictors"));
  const isLeaf = read("is_leaf");
  const child = (name: string) =>
    Int32Array.from(read(name), (node, at) => (isLeaf[at] === 0 ? node : -1));
  return {
    nodeCount: nodes.size,
    feature: Int32Array.from(read("feature_idx")),
    threshold: read("num_threshold"),
    left: child("left"),
    right: child("right"),
    missingGoesLeft: Uint8Array.from(read("missing_go_to_left")),
    values: read("value"),
    width: 1,
    ...leftCategories(predictor, estimator, {
      isCategorical: read("is_categorical"),
      isLeaf,
      set: read("bitset_idx"),
    }),
  };
}

interface CategoricalNodes {
  readonly isCategorical: Float64Array;
  readonly isLeaf: Float64Array;
  /** Which set each node has. */
  readonly set: Float64Array;
}

/** Sets are rows of 256 bits. */
function leftCategories(
  predictor: PythonObject,
  estimator: Estimator,
  { isCategorical, isLeaf, set }: CategoricalNodes,
): Pick<TreeArrays, "leftCategories"> {
  const nodes = [...isCategorical.keys()].filter((node) => isCategorical[node] && !isLeaf[node]);
  if (nodes.length === 0) return {};
  const sets = predictor.attribute("raw_left_cat_bitsets");
  if (!(sets instanceof NumpyArray) || sets.shape[1] !== wordsPerSet) {
    return estimator.wrong("_predictors", "has a tree without sets of categories");
  }
  const words = toDoubles(sets, estimator.called("_predictors"));
  const members = (node: number) => {
    const from = (set[node] as number) * wordsPerSet;
    if (from + wordsPerSet > words.length) {
      return estimator.wrong("_predictors", `has no set for node ${node} of a tree`);
    }
    return Array.from({ length: 32 * wordsPerSet }, (_, code) => code).filter(
      (code) => ((words[from + (code >> 5)] as number) >>> (code & 31)) & 1,
    );
  };
  return { leftCategories: new Map(nodes.map((node) => [node, members(node)])) };
}

/** The columns as the trees see them: categories are codes, and NaN if they are unknown. */
function columnsOfTrees(to: Translating, estimator: Estimator, features: Features): string {
  const columns = estimator.count("n_features_in_");
  if (estimator.has("_preprocessor")) {
    // Since version 1.4: the categories come first, encoded.
    const prepared = to.translate(estimator.estimator("_preprocessor"), features);
    if (prepared.kind === "transform") return asNumbers(to, prepared.features, columns);
    return estimator.wrong("_preprocessor", "is not a transformer");
  }
  if (!estimator.has("is_categorical_")) return asNumbers(to, features, columns);
  const isCategorical = estimator.vector("is_categorical_", columns);
  if (!isCategorical.includes(1)) return asNumbers(to, features, columns);
  const known = estimator.estimator("_bin_mapper").list("bin_thresholds_");
  const { graph } = to;
  const parts = Array.from(isCategorical, (flag, column) => {
    const x = columnOf(to, features, { column, type: "double" });
    const categories = known[column];
    if (flag === 0 || !(categories instanceof NumpyArray)) return x;
    const codes = toDoubles(categories, estimator.called("_bin_mapper"));
    const whole = graph.node("Floor", [x]);
    const isHit = graph.node("Equal", [
      whole,
      graph.constant(floatTensor("double", codes, [1, codes.length])),
    ]);
    const hits = graph.node("ReduceMax", [
      cast(graph, isHit, "double"),
      graph.constant(int64Tensor([1])),
    ]);
    const isKnown = graph.node("Greater", [hits, graph.constant(scalar("double", 0))]);
    return graph.node("Where", [isKnown, whole, graph.constant(scalar("double", Number.NaN))]);
  });
  return parts.length === 1
    ? (parts[0] as string)
    : graph.node("Concat", parts, { attributes: { axis: { int: 1 } } });
}

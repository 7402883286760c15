import { scalar } from "../../graph/tensor.ts";
import { exponential, flatten, sigmoid, softmax, withComplement } from "../../graph/transforms.ts";
import { fieldDoubles } from "../../pickle/array-elements.ts";
import { NumpyArray } from "../../pickle/numpy-array.ts";
import { PythonList, PythonObject } from "../../pickle/python-value.ts";
import { readClasses } from "../estimator/class-list.ts";
import type { Estimator } from "../estimator/estimator.ts";
import { asNumbers, type Features } from "../estimator/features.ts";
import type { Outcome } from "../estimator/outcome.ts";
import type { Translating } from "../estimator/translating.ts";
import { addForest, newForest } from "./forest.ts";
import { type TreeArrays, treeFor } from "./tree-arrays.ts";

/** HistGradientBoostingRegressor and -Classifier with numeric columns. */
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
  const raw = addForest(to, forest, asNumbers(to, features, columns), false);
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
  if (read("is_categorical").some((value) => value !== 0)) {
    return estimator.wrong(
      "_predictors",
      "splits categorical columns, which is not supported: encode them before (OrdinalEncoder), or export it to ONNX (skl2onnx)",
    );
  }
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
  };
}

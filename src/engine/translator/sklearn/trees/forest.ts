import { scalar } from "../../../onnx/write/graph-tensor.ts";
import { ForestBuilder } from "../../graph/forest-builder.ts";
import { flatten } from "../../graph/transforms.ts";
import { toItems } from "../../pickle/array-elements.ts";
import { NumpyArray } from "../../pickle/numpy-array.ts";
import { PythonObject, type PythonValue } from "../../pickle/python-value.ts";
import { refuse } from "../../pickle/refuse.ts";
import { readClasses } from "../estimator/class-list.ts";
import { Estimator } from "../estimator/estimator.ts";
import { asNumbers, type Features } from "../estimator/features.ts";
import type { Outcome } from "../estimator/outcome.ts";
import type { Translating } from "../estimator/translating.ts";
import { pairwiseSum } from "./pairwise-sum.ts";
import { readTree, type TreeArrays, treeFor } from "./tree-arrays.ts";

/** DecisionTree, ExtraTree, RandomForest, ExtraTrees: the mean of the trees' answers. */
export function translateForest(
  to: Translating,
  estimator: Estimator,
  features: Features,
): Outcome {
  const trees = treesOf(estimator);
  const isClassifier = estimator.has("classes_");
  const columns = estimator.count("n_features_in_");
  const classes = isClassifier
    ? readClasses(estimator.value("classes_"), estimator.called("classes_"))
    : undefined;
  const targets = classes?.labels.length ?? readTree(trees[0] as Estimator).width;
  const forest = newForest(to, { estimator, columns, targets });
  for (const [at, member] of trees.entries()) {
    const tree = readTree(member);
    if (tree.width !== targets)
      member.wrong("tree_", `answers ${tree.width} values, not ${targets}`);
    const values = isClassifier ? fractions(tree, member) : tree.values;
    for (let target = 0; target < targets; target++) {
      forest.addTree(treeFor(tree, everyNth(values, target, targets), target), `tree ${at}`);
    }
  }
  const sums = addForest(to, forest, asNumbers(to, features, columns));
  const answer = estimator.has("tree_")
    ? sums
    : to.graph.node("Div", [sums, to.graph.constant(scalar("double", trees.length))]);
  if (classes !== undefined) {
    const index = to.graph.node("ArgMax", [answer], {
      attributes: { axis: { int: 1 }, keepdims: { int: 0 } },
    });
    return { kind: "classes", classes, index, proba: answer };
  }
  return targets === 1
    ? { kind: "values", values: flatten(to.graph, answer) }
    : { kind: "values", values: answer, columns: targets };
}

export function newForest(
  to: Translating,
  options: { readonly estimator: Estimator; readonly columns: number; readonly targets: number },
): ForestBuilder {
  const { estimator, columns, targets } = options;
  const maxSplits = to.options.maxSplits - to.splits;
  return new ForestBuilder({
    what: `scikit-learn ${estimator.className}`,
    type: "double",
    columns,
    targets,
    maxSplits,
  });
}

/** The sums of a forest for columns of doubles. scikit-learn rounds them to float32 and compares those with its
 *  thresholds, which are doubles; `isRounded` false is for trees that do not. */
export function addForest(
  to: Translating,
  forest: ForestBuilder,
  input: string,
  isRounded = true,
): string {
  const { graph } = to;
  to.splits += forest.splits;
  if (!isRounded) return forest.emit(graph, input);
  const float = graph.node("Cast", [input], { attributes: { to: { int: 1 } } });
  return forest.emit(graph, graph.node("Cast", [float], { attributes: { to: { int: 11 } } }));
}

/** Estimators of a list, or of an array of objects. */
export function estimatorsOf(value: readonly PythonValue[], what: string): Estimator[] {
  return value.map((item) =>
    item instanceof PythonObject
      ? new Estimator(item)
      : refuse(`${what} holds something else than estimators: the file is damaged`),
  );
}

function everyNth(values: Float64Array, first: number, step: number): Float64Array {
  const picked = new Float64Array(values.length / step);
  for (let at = 0, from = first; at < picked.length; at++, from += step) {
    picked[at] = values[from] as number;
  }
  return picked;
}

function treesOf(estimator: Estimator): Estimator[] {
  if (estimator.has("tree_")) return [estimator];
  const value = estimator.value("estimators_");
  const what = estimator.called("estimators_");
  const items = value instanceof NumpyArray ? toItems(value, what) : estimator.list("estimators_");
  if (items.length === 0) return estimator.wrong("estimators_", "is empty");
  return estimatorsOf(items, what);
}

/** What each leaf says of the classes, adding up to 1. Since version 1.4 files hold that, before they held counts. */
function fractions(tree: TreeArrays, { minorVersion }: Estimator): Float64Array {
  const { values, width } = tree;
  if (minorVersion >= 4) return values;
  const parts = new Float64Array(values.length);
  for (let start = 0; start < values.length; start += width) {
    const sum = pairwiseSum(values, start, width);
    for (let at = start; at < start + width; at++) {
      parts[at] = (values[at] as number) / (sum === 0 ? 1 : sum);
    }
  }
  return parts;
}

import {
  at,
  classic,
  known,
  type NodeView,
  type Rule,
  ruleTable,
  type Shape,
  sameShape,
  unclear,
} from "./node-view.ts";

// Operators of classic models, such as scikit-learn's: domain ai.onnx.ml.

/** Rows of the features: a plain list of them is one row. */
function rowsOf(shape: Shape): number {
  return shape.length < 2 ? 1 : at(shape, 0);
}

function classesOf(node: NodeView): number {
  for (const list of ["classlabels_int64s", "classlabels_ints", "classlabels_strings"]) {
    const count = node.count(list);
    if (count > 0) return count;
  }
  throw unclear();
}

/** A label for each row, and a score for each class. */
const classifies: Rule = (node) => {
  const rows = rowsOf(node.shape(0));
  return [[rows], [rows, classesOf(node)]];
};

const regresses =
  (targets: (node: NodeView) => number): Rule =>
  (node) => [[rowsOf(node.shape(0)), targets(node)]];

const encodesOneHot: Rule = (node) => {
  const categories = node.count("cats_int64s") || node.count("cats_strings");
  return [[...node.shape(0), categories]];
};

/** The chosen columns. */
const extracts: Rule = (node) => {
  const shape = node.shape(0);
  const chosen = node.shape(1).reduce((count, size) => count * size, 1);
  return [shape.length === 1 ? [1, chosen] : [...shape.slice(0, -1), chosen]];
};

const joinsFeatures: Rule = (node) => {
  const rows = rowsOf(node.shape(0));
  const sizes = node.ints("inputdimensions");
  const columns =
    sizes.length > 0
      ? sizes.reduce((sum, size) => sum + size, 0)
      : node.shapes().reduce((sum, shape) => sum + at(shape, -1), 0);
  return [[rows, columns]];
};

const readsDictionary: Rule = (node) => [
  [1, node.count("string_vocabulary") || node.count("int64_vocabulary")],
];

export const classicRules = ruleTable(classic, [
  ["Binarizer CategoryMapper Imputer LabelEncoder Normalizer Scaler", sameShape],
  ["ArrayFeatureExtractor", extracts],
  ["DictVectorizer", readsDictionary],
  ["FeatureVectorizer", joinsFeatures],
  ["LinearClassifier SVMClassifier TreeEnsembleClassifier", classifies],
  ["LinearRegressor", regresses((node) => node.int("targets", 1))],
  ["OneHotEncoder", encodesOneHot],
  ["SVMRegressor", regresses(() => 1)],
  [
    "TreeEnsemble TreeEnsembleRegressor",
    regresses((node) => known(node.attribute("n_targets")?.int)),
  ],
]);

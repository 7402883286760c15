import {
  at,
  axisOf,
  known,
  type NodeView,
  type Rule,
  ruleTable,
  type Shape,
  unclear,
  withSize,
} from "./node-view.ts";

// Operators that make values from sizes alone, and those on signals and texts.

/** The shape of a "Constant". */
function constantShape(node: NodeView): Shape {
  const tensor = node.tensor("value") ?? node.tensor("sparse_value");
  if (tensor !== undefined) return tensor.dims;
  for (const list of ["value_ints", "value_floats", "value_strings"]) {
    if (node.attribute(list) !== undefined) return [node.count(list)];
  }
  for (const single of ["value_int", "value_float", "value_string"]) {
    if (node.attribute(single) !== undefined) return [];
  }
  throw unclear();
}

const ranges: Rule = (node) => [
  [Math.max(0, Math.ceil((node.scalar(1) - node.scalar(0)) / node.scalar(2)))],
];

/** "DFT" on real numbers (one component) or complex ones (two). */
const transforms: Rule = (node) => {
  const shape = node.shape(0);
  const isNew = node.opset >= 20;
  const given = isNew && node.has(2) ? node.scalar(2) : node.int("axis", isNew ? -2 : 1);
  const axis = axisOf(given, shape.length);
  const size = node.has(1) ? node.scalar(1) : at(shape, axis);
  const isOneSided = node.int("onesided", 0) !== 0;
  const isInverse = node.int("inverse", 0) !== 0;
  const components = isOneSided && isInverse ? 1 : 2;
  let length = size;
  if (isOneSided && !isInverse) length = Math.floor(size / 2) + 1;
  // Without a length, the inverse returns as many values as both halves had.
  else if (isOneSided && !node.has(1)) length = 2 * (size - 1);
  return [[...withSize(shape, axis, length).slice(0, -1), components]];
};

const transformsFrames: Rule = (node) => {
  const [batch = 1, length = 1] = node.shape(0);
  const step = node.scalar(1);
  const frame = node.has(3) ? node.scalar(3) : at(node.shape(2), 0);
  const bins = node.int("onesided", 1) === 0 ? frame : Math.floor(frame / 2) + 1;
  return [[batch, Math.floor((length - frame) / step) + 1, bins, 2]];
};

const normalizesTexts: Rule = (node) => [node.shape(0)];

/** One position for each n-gram that may be counted. */
const countsGrams: Rule = (node) => {
  const shape = node.shape(0);
  return [[...shape.slice(0, -1), known(node.attribute("ngram_indexes")?.largest) + 1]];
};

export const generationRules = ruleTable("", [
  ["Constant", (node) => [constantShape(node)]],
  ["ConstantOfShape", (node) => [node.values(0)]],
  ["RandomNormal RandomUniform", (node) => [node.ints("shape")]],
  ["Multinomial", (node) => [[at(node.shape(0), 0), node.int("sample_size", 1)]]],
  ["Range", ranges],
  ["BlackmanWindow HammingWindow HannWindow", (node) => [[node.scalar(0)]]],
  ["MelWeightMatrix", (node) => [[Math.floor(node.scalar(1) / 2) + 1, node.scalar(0)]]],
  ["DFT", transforms],
  ["STFT", transformsFrames],
  ["StringNormalizer", normalizesTexts],
  ["TfIdfVectorizer", countsGrams],
]);

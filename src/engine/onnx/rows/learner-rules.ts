import { broadcast } from "./broadcast.ts";
import { type Count, known, one, product } from "./count.ts";
import { elementwise } from "./elementwise-rules.ts";
import type { RowNode, RowRule } from "./node.ts";
import { type RowValue, withDims } from "./value.ts";

// Operators of classical machine learning, and of texts, on a table whose rows are samples.

/** Ensures that a value with rows is a table. A plain list would be a single sample. */
function tableOf(node: RowNode, index: number): RowValue {
  const value = node.value(index);
  if (value.rows !== undefined && (node.dims(value).length !== 2 || value.rows.axis !== 0)) {
    node.lose("takes the rows for parts of one sample");
  }
  return value;
}

/** The length of whichever list is present. */
function listed(node: RowNode, names: readonly string[]): Count {
  const count = names.map((name) => node.attribute(name)?.count ?? 0).find((length) => length > 1);
  return count === undefined ? node.size() : known(count);
}

/** A label for each sample, and scores for each class. */
const classifies: RowRule = (node) => {
  const table = tableOf(node, 0);
  const [samples = one] = node.dims(table);
  const classes = listed(node, ["classlabels_int64s", "classlabels_ints", "classlabels_strings"]);
  return [withDims(table, [samples]), withDims(table, [samples, classes])];
};

const predicts: RowRule = (node) => {
  const table = tableOf(node, 0);
  const [samples = one] = node.dims(table);
  const name = node.op === "LinearRegressor" ? "targets" : "n_targets";
  const targets = node.op === "SVMRegressor" ? one : known(node.int(name, 1));
  return [withDims(table, [samples, targets])];
};

/** By position in the sample. */
const scales: RowRule = (node) => {
  const table = tableOf(node, 0);
  return [withDims(table, node.dims(table))];
};

/** Joins samples from several tables. */
const joinsTables: RowRule = (node) => {
  const tables = node.values().map((_, index) => tableOf(node, index));
  const [first] = tables;
  if (first === undefined || tables.some(({ rows }) => rows === undefined)) {
    return node.lose("joins samples with something that is not made of rows");
  }
  const whole = broadcast(
    node,
    tables.map((table) => withDims(table, [node.dims(table)[0] ?? one, one])),
  );
  return [withDims(whole, [node.dims(whole)[0] ?? one, node.size()])];
};

/** Each element becomes a list. */
const encodes: RowRule = (node) => {
  const value = node.value(0);
  const codes = listed(node, ["cats_int64s", "cats_strings"]);
  return [withDims(value, [...node.dims(value), codes])];
};

/** Takes elements along the last axis; for a list, the result gets a leading axis. */
const extracts: RowRule = (node) => {
  const data = node.value(0);
  const places = node.value(1);
  const dims = node.dims(data);
  const count = places.dims === undefined ? node.size() : product(places.dims);
  const before = dims.length === 1 ? [one] : dims.slice(0, -1);
  if (count === undefined) return node.lose("takes as many elements as there are rows by rows");
  if (data.rows !== undefined) {
    if (places.rows !== undefined || data.rows.axis === dims.length - 1) {
      node.lose("takes some of the rows by their places");
    }
    return [withDims(data, [...before, { ...count, ofRows: false }])];
  }
  if (places.rows === undefined) return [{ dims: [...before, count] }];
  return [withDims(flattened(node, places), [...before, count], before.length)];
};

function flattened(node: RowNode, value: RowValue): RowValue {
  const { rows } = value;
  const dims = node.dims(value);
  if (rows === undefined) return { dims };
  const outer = product([...dims.slice(0, rows.axis), rows.outer]) ?? one;
  const inner = product([rows.inner, ...dims.slice(rows.axis + 1)]) ?? one;
  return withDims({ dims: [one], rows: { axis: 0, outer, inner } }, [one]);
}

/** Replaces each text by one text, unless it removes some. */
const normalizesTexts: RowRule = (node) => {
  if ((node.attribute("stopwords")?.count ?? 0) > 0) node.lose("takes texts out");
  return [broadcast(node, [node.value(0)])];
};

/** Each row's texts become a list, padded to the longest of all rows. */
const tokenizes: RowRule = (node) => {
  const value = node.value(0);
  const dims: Count[] = [...node.dims(value), node.size()];
  if (value.rows === undefined) return [{ dims: undefined }];
  return [{ ...withDims(value, dims), padding: node.text("pad_value", "") }];
};

/** Counts what is in its vocabulary; padding is not counted unless it is in the vocabulary. */
const countsWords: RowRule = (node) => {
  const value = node.padded(0);
  const dims = node.dims(value);
  if (value.rows !== undefined && (dims.length !== 2 || value.rows.axis !== 0)) {
    node.lose("takes the rows for one text");
  }
  if (value.padding !== undefined) {
    const words = node.attribute("pool_strings")?.shortTexts;
    const isKnown = value.padding.length > 0 && value.padding.length <= 2;
    if (words === undefined || !isKnown || words.has(value.padding)) {
      node.lose("counts the padding up to the longest row");
    }
  }
  return [withDims({ dims, rows: value.rows }, [dims[0] ?? one, node.size()])];
};

const ml = {
  ArrayFeatureExtractor: extracts,
  Binarizer: elementwise,
  CategoryMapper: elementwise,
  FeatureVectorizer: joinsTables,
  Imputer: scales,
  LabelEncoder: elementwise,
  LinearClassifier: classifies,
  LinearRegressor: predicts,
  Normalizer: scales,
  OneHotEncoder: encodes,
  SVMClassifier: classifies,
  SVMRegressor: predicts,
  Scaler: scales,
  TreeEnsemble: predicts,
  TreeEnsembleClassifier: classifies,
  TreeEnsembleRegressor: predicts,
  // A map for each sample, which is served as the table that it is made from.
  ZipMap: scales,
} satisfies Readonly<Record<string, RowRule>>;

export const learnerRules: Readonly<Record<string, RowRule>> = {
  ...Object.fromEntries(Object.entries(ml).map(([op, rule]) => [`ai.onnx.ml:${op}`, rule])),
  StringNormalizer: normalizesTexts,
  TfIdfVectorizer: countsWords,
  "com.microsoft:Tokenizer": tokenizes,
};

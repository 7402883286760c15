import type { Datatype } from "../../../src/base/tensor.ts";
import { type DraftValue, type GraphDraft, NoUse } from "./graph-draft.ts";

// Growths of drafts by operators of classical machine learning and of texts.

const ml = { domain: "ai.onnx.ml" };
const isTable = ({ datatype, rank }: DraftValue) =>
  datatype === "FP32" && (rank === 1 || rank === 2);
const isText = ({ datatype }: DraftValue) => datatype === "BYTES";

/** How many features a sample has: a list is one sample. */
function features(draft: GraphDraft, table: DraftValue): number {
  if (table.rank === 1) return table.traces[0]?.shape[0] ?? 1;
  return draft.size(table, 1);
}

function floats(draft: GraphDraft, count: number) {
  return { floats: Array.from({ length: count }, () => draft.random.below(5) - 2) };
}

/** One split by the first feature, two classes. */
function growsTree(draft: GraphDraft): void {
  const table = draft.pick(isTable);
  const tree = {
    nodes_treeids: [0, 0, 0],
    nodes_nodeids: [0, 1, 2],
    nodes_featureids: [0, 0, 0],
    nodes_modes: { texts: ["BRANCH_LEQ", "LEAF", "LEAF"] },
    nodes_values: { floats: [0.5, 0, 0] },
    nodes_truenodeids: [1, 0, 0],
    nodes_falsenodeids: [2, 0, 0],
    nodes_hitrates: { floats: [1, 1, 1] },
    nodes_missing_value_tracks_true: [0, 0, 0],
  };
  if (draft.chance(50)) {
    draft.node(
      "TreeEnsembleRegressor",
      [table],
      {
        ...tree,
        n_targets: 1,
        target_treeids: [0, 0],
        target_nodeids: [1, 2],
        target_ids: [0, 0],
        target_weights: { floats: [1, -2] },
      },
      ml,
    );
    return;
  }
  draft.node(
    "TreeEnsembleClassifier",
    [table],
    {
      ...tree,
      classlabels_int64s: [3, 5],
      class_treeids: [0, 0],
      class_nodeids: [1, 2],
      class_ids: [0, 1],
      class_weights: { floats: [0.75, 0.5] },
      post_transform: draft.random.pick(["NONE", "SOFTMAX"]),
    },
    { ...ml, outputs: 2 },
  );
}

function classifies(draft: GraphDraft): void {
  const table = draft.pick(isTable);
  const count = features(draft, table);
  draft.node(
    "LinearClassifier",
    [table],
    {
      coefficients: floats(draft, 3 * count),
      intercepts: floats(draft, 3),
      classlabels_ints: [1, 2, 3],
      multi_class: 1,
      post_transform: draft.random.pick(["NONE", "SOFTMAX", "LOGISTIC"]),
    },
    { ...ml, outputs: 2 },
  );
}

function predicts(draft: GraphDraft): void {
  const table = draft.pick(isTable);
  const count = features(draft, table);
  draft.node(
    "LinearRegressor",
    [table],
    { coefficients: floats(draft, count), intercepts: floats(draft, 1) },
    ml,
  );
}

function scales(draft: GraphDraft): void {
  const table = draft.pick(isTable);
  const count = features(draft, table);
  const op = draft.random.pick(["Scaler", "Normalizer", "Imputer"]);
  const attributes = {
    Scaler: { offset: floats(draft, count), scale: floats(draft, count) },
    Normalizer: { norm: draft.random.pick(["L1", "L2", "MAX"]) },
    Imputer: {
      imputed_value_floats: floats(draft, count),
      replaced_value_float: { float: 1 },
    },
  }[op];
  draft.node(op, [table], attributes, ml);
}

function extracts(draft: GraphDraft): void {
  if (draft.chance(50)) {
    const table = draft.pick(({ datatype, rank }) => datatype === "FP32" && rank > 0);
    draft.node("ArrayFeatureExtractor", [table, draft.constant("INT64", [1], [0])], {}, ml);
    return;
  }
  const places = draft.pick(({ datatype }) => datatype === "INT64");
  const [rest] = draft.node("Mod", [places, draft.constant("INT64", [], [3])]) as [DraftValue];
  const [taken] = draft.node(
    "ArrayFeatureExtractor",
    [draft.constant("FP32", [3]), rest],
    {},
    ml,
  ) as [DraftValue];
  if (draft.chance(70)) draft.node("Reshape", [taken, draft.integers(-1)]);
}

function joinsTables(draft: GraphDraft): void {
  const a = draft.pick(isTable);
  const b = draft.pick(isTable);
  draft.node(
    "FeatureVectorizer",
    [a, b],
    { inputdimensions: [features(draft, a), features(draft, b)] },
    ml,
  );
}

function encodes(draft: GraphDraft): void {
  const value = draft.pick(
    ({ datatype, rank }) => (datatype === "INT64" || datatype === "BYTES") && rank < 4,
  );
  if (draft.chance(50) && value.datatype === "INT64") {
    draft.node("OneHotEncoder", [value], { cats_int64s: [0, 1, 2], zeros: 1 }, ml);
  } else if (value.datatype === "INT64") {
    draft.node(
      "LabelEncoder",
      [value],
      { keys_int64s: [0, 1], values_floats: floats(draft, 2) },
      ml,
    );
  } else {
    draft.node(
      "LabelEncoder",
      [value],
      { keys_strings: { texts: ["a", "b"] }, values_int64s: [1, 2], default_int64: 7 },
      ml,
    );
  }
}

/** A list of texts in which n-grams are counted, or each text's own words. */
function countsWords(draft: GraphDraft): void {
  const texts = draft.pick(isText);
  const counting = {
    mode: "TF",
    max_gram_length: 1,
    min_gram_length: 1,
    max_skip_count: 0,
    ngram_counts: [0],
    ngram_indexes: [0, 1, 2],
  };
  const words = draft.chance(70) ? ["a", "b", "c"] : ["a", "b", "#"];
  if (draft.chance(40)) {
    draft.node("TfIdfVectorizer", [texts], { ...counting, pool_strings: { texts: words } });
    return;
  }
  const [list] = draft.node("Reshape", [texts, draft.integers(-1)]) as [DraftValue];
  const [tokens] = draft.node(
    "Tokenizer",
    [list],
    { mark: 0, mincharnum: 1, pad_value: "#", tokenexp: "[a-z]+" },
    { domain: "com.microsoft" },
  ) as [DraftValue];
  draft.node("TfIdfVectorizer", [tokens], { ...counting, pool_strings: { texts: words } });
}

function normalizesTexts(draft: GraphDraft): void {
  const texts = draft.pick(isText);
  const stopwords = draft.chance(40) ? { stopwords: { texts: ["a"] } } : {};
  draft.node("StringNormalizer", [texts], { is_case_sensitive: 1, ...stopwords });
}

/** Numbers become what learners take. */
function toTable(draft: GraphDraft): void {
  const numbers: readonly Datatype[] = ["INT64", "INT32", "FP64", "BOOL", "UINT8"];
  const value = draft.pick(({ datatype, rank }) => numbers.includes(datatype) && rank < 3);
  if (value.rank === 0) throw new NoUse();
  draft.node("Cast", [value], { to: 1 });
}

export const growLearners = {
  growsTree,
  classifies,
  predicts,
  scales,
  extracts,
  joinsTables,
  encodes,
  countsWords,
  normalizesTexts,
  toTable,
  Binarizer: (draft: GraphDraft) => {
    draft.node("Binarizer", [draft.pick(({ datatype }) => datatype === "FP32")], {}, ml);
  },
};

import { RuntimeError } from "../../../base/errors.ts";
import type { DocumentObject, DocumentValue, Numbers } from "./document.ts";
import type { Fields } from "./fields.ts";
import { readJson } from "./read-json.ts";

/** What an XGBoost file says, trees aside, which remain to be read one by one. */
export interface XgboostModel {
  /** Such as [3, 4, 1]; empty if the file does not say. */
  readonly version: readonly number[];
  readonly features: number;
  /** All different, one per feature; otherwise undefined. */
  readonly featureNames: readonly string[] | undefined;
  /** Sums per row: classes or targets. */
  readonly outputs: number;
  readonly hasTargets: boolean;
  readonly objective: string;
  /** In the space of answers, one per output. */
  readonly baseScores: readonly number[];
  /** Weights of the linear booster, which has no trees. */
  readonly linear: Numbers | undefined;
  readonly trees: readonly Fields[];
  /** The output that each tree adds to. */
  readonly treeOutputs: Numbers;
  /** What each tree's leaves are multiplied by, if not by 1. */
  readonly weights: Numbers | undefined;
  /** Trees of the rounds up to the best one, all of them if training went on to the end. */
  readonly bestTrees: number;
  /** Classes if scikit-learn's interface saved a classifier. */
  readonly classes: Classes | undefined;
}

type Classes = readonly string[] | readonly number[];

const newestMajor = 3;
/** Each takes a tree of its own for its base score. */
const mostOutputs = 65_536;

/** `root`: the outermost object of a model. */
export function readXgboostModel(root: Fields): XgboostModel {
  // A pickled booster is a model beside its configuration.
  const file = root.has("Model") ? root.object("Model") : root;
  const version = versionOf(file);
  const learner = file.object("learner");
  const parameters = learner.object("learner_model_param");
  const booster = boosterOf(learner);
  const model = booster.object("model");
  const classCount = parameters.has("num_class") ? parameters.count("num_class") : 0;
  const targetCount = parameters.has("num_target") ? parameters.count("num_target") : 1;
  const outputs = Math.max(classCount, targetCount, 1);
  if (outputs > mostOutputs) {
    throw new RuntimeError(
      "invalid-argument",
      `this XGBoost model has ${outputs} classes or targets, and at most ${mostOutputs} are supported: train it with fewer`,
    );
  }
  const features = parameters.count("num_feature");
  return {
    version,
    features,
    featureNames: featureNamesOf(learner, features),
    outputs,
    hasTargets: targetCount > 1,
    objective: learner.object("objective").text("name"),
    baseScores: baseScoresOf(parameters, outputs),
    ...(booster.text("name") === "gblinear"
      ? { ...noTrees, linear: model.numbersOf("weights", (features + 1) * outputs) }
      : treesOf(learner, { model, outputs })),
    classes: classesOf(learner, Math.max(classCount, 2)),
  };
}

const noTrees = { trees: [], treeOutputs: new Int32Array(), weights: undefined, bestTrees: 0 };

function treesOf(
  learner: Fields,
  { model, outputs }: { readonly model: Fields; readonly outputs: number },
) {
  const trees = model.objects("trees");
  return {
    linear: undefined,
    trees,
    treeOutputs: model.numbersOf("tree_info", trees.length),
    weights: weightsOf({ learner, booster: model, count: trees.length }),
    bestTrees: bestTreesOf({ learner, model, count: trees.length, outputs }),
  };
}

function versionOf(file: Fields): number[] {
  if (!file.has("version")) return [];
  const version = Array.from(file.numbers("version"));
  if ((version[0] ?? 0) <= newestMajor) return version;
  throw new RuntimeError(
    "invalid-argument",
    `this file is an XGBoost model of version ${version.join(".")}, and versions up to ${newestMajor} are supported: save it with one of these`,
  );
}

/** Until 3.3, dart is a booster around another. */
function boosterOf(learner: Fields): Fields {
  const booster = learner.object("gradient_booster");
  const name = booster.text("name");
  if (name === "gbtree" || name === "gblinear") return booster;
  if (name === "dart") return booster.has("gbtree") ? booster.object("gbtree") : booster;
  throw new RuntimeError(
    "invalid-argument",
    `this file is an XGBoost model of the unknown booster '${name.slice(0, 60)}', and gbtree, dart and gblinear are supported: train it with one of these`,
  );
}

function featureNamesOf(learner: Fields, features: number): string[] | undefined {
  if (!learner.has("feature_names")) return undefined;
  const names = learner.texts("feature_names");
  return names.length === features && new Set(names).size === features ? names : undefined;
}

/** "5E-1", or since 3.1 "[4E-1,6E-1]". */
function baseScoresOf(parameters: Fields, outputs: number): number[] {
  const text = parameters.text("base_score");
  const scores = text
    .replace(/^\[(.*)\]$/s, "$1")
    .split(",")
    .map((part) => (part.trim() === "" ? Number.NaN : Math.fround(Number(part))));
  if (!scores.every(Number.isFinite) || (scores.length !== 1 && scores.length !== outputs)) {
    const expected = outputs === 1 ? "one number" : `1 or ${outputs} numbers`;
    throw parameters.malformed("base_score", expected, text);
  }
  return Array.from({ length: outputs }, (_, at) => scores[scores.length === 1 ? 0 : at] as number);
}

interface Trees {
  readonly learner: Fields;
  readonly count: number;
}

function weightsOf(options: Trees & { readonly booster: Fields }): Numbers | undefined {
  const outer = options.learner.object("gradient_booster");
  for (const owner of [outer, options.booster]) {
    if (!owner.has("weight_drop")) continue;
    const weights = owner.numbers("weight_drop");
    if (weights.length === 0) continue;
    return owner.numbersOf("weight_drop", options.count);
  }
  return undefined;
}

function bestTreesOf(
  options: Trees & { readonly model: Fields; readonly outputs: number },
): number {
  const { learner, model, count, outputs } = options;
  if (!learner.has("attributes")) return count;
  const attributes = learner.object("attributes");
  if (!attributes.has("best_iteration")) return count;
  const rounds = attributes.count("best_iteration") + 1;
  if (model.has("iteration_indptr")) {
    const starts = model.numbers("iteration_indptr");
    const end = starts[rounds] ?? count;
    if (Number.isInteger(end) && end >= 0) return Math.min(end, count);
    throw model.malformed(`iteration_indptr[${rounds}]`, "a whole number", end);
  }
  const parallel = model.object("gbtree_model_param").count("num_parallel_tree");
  return Math.min(rounds * Math.max(parallel, 1) * outputs, count);
}

/** XGBClassifier numbers its classes. Until 1.6 it could also rename them, and saved their names. */
function classesOf(learner: Fields, count: number): Classes | undefined {
  if (!learner.has("attributes")) return undefined;
  const attributes = learner.object("attributes");
  if (!attributes.has("scikit_learn")) return undefined;
  const saved = savedParameters(attributes.text("scikit_learn"));
  if (saved.get("_estimator_type") !== "classifier" && !saved.has("n_classes_")) return undefined;
  const encoder = saved.get("_le");
  for (const owner of [encoder, saved]) {
    const names =
      owner instanceof Map ? namesIn((owner as DocumentObject).get("classes_")) : undefined;
    if (names?.length === count) return names;
  }
  return Array.from({ length: count }, (_, at) => at);
}

/** Parameters of scikit-learn's interface. Python writes NaN into its JSON. */
function savedParameters(text: string): DocumentObject {
  const saved = readJson(new TextEncoder().encode(text), { skip: new Set() });
  return saved instanceof Map ? (saved as DocumentObject) : new Map();
}

function namesIn(value: DocumentValue | undefined): Classes | undefined {
  if (ArrayBuffer.isView(value)) return Array.from(value);
  if (!Array.isArray(value)) return undefined;
  const names = value as readonly DocumentValue[];
  return names.every((name) => typeof name === "string") ? names : undefined;
}

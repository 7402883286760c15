import { scalar } from "../../../onnx/write/graph-tensor.ts";
import { flatten, sigmoid, softmax, withComplement } from "../../graph/transforms.ts";
import { toItems } from "../../pickle/array-elements.ts";
import { readClasses } from "../estimator/class-list.ts";
import type { Estimator } from "../estimator/estimator.ts";
import { asNumbers, type Features } from "../estimator/features.ts";
import type { Outcome } from "../estimator/outcome.ts";
import type { Translating } from "../estimator/translating.ts";
import { exactExp, exactLog, exactLog1p } from "./exact-logarithms.ts";
import { addForest, estimatorsOf, newForest } from "./forest.ts";
import { pairwiseSum } from "./pairwise-sum.ts";
import { readTree, treeFor } from "./tree-arrays.ts";

/** GradientBoostingRegressor and -Classifier: a first guess, and trees times the learning rate added to it. */
export function translateGradientBoosting(
  to: Translating,
  estimator: Estimator,
  features: Features,
): Outcome {
  const { graph } = to;
  const isClassifier = estimator.has("classes_");
  const columns = estimator.count("n_features_in_");
  const stages = estimator.array("estimators_");
  const targets = stages.shape[1] ?? 0;
  if (stages.shape.length !== 2 || stages.size === 0)
    return estimator.wrong("estimators_", "is empty");
  const forest = newForest(to, { estimator, columns, targets });
  for (const [target, value] of firstGuess(estimator, { isClassifier, targets }).entries()) {
    forest.addConstant(target, value);
  }
  const rate = estimator.number("learning_rate");
  const what = estimator.called("estimators_");
  for (const [at, member] of estimatorsOf(toItems(stages, what), what).entries()) {
    const tree = readTree(member);
    if (tree.width !== 1) return member.wrong("tree_", `answers ${tree.width} values, not 1`);
    // Boosting compares without a look at NaN, which is never below a threshold.
    const plain = { ...tree, missingGoesLeft: new Uint8Array(tree.nodeCount) };
    const scaled = tree.values.map((value) => rate * value);
    forest.addTree(treeFor(plain, scaled, at % targets), `tree ${at}`);
  }
  const raw = addForest(to, forest, asNumbers(to, features, columns));
  if (!isClassifier) return { kind: "values", values: flatten(graph, raw) };
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
  const slope = estimator.text("loss") === "exponential" ? 2 : 1;
  const positive = sigmoid(graph, margin, { type: "double", slope });
  const proba = withComplement(graph, positive, "double");
  // Since version 1.4 a margin of 0 is the second class.
  const zero = graph.constant(scalar("double", 0));
  const isSecond = graph.node(estimator.minorVersion >= 4 ? "GreaterOrEqual" : "Greater", [
    margin,
    zero,
  ]);
  const index = graph.node("Cast", [isSecond], { attributes: { to: { int: 7 } } });
  return { kind: "classes", classes, index, proba, margin: { value: margin } };
}

/** What the sums start from. */
function firstGuess(
  estimator: Estimator,
  { isClassifier, targets }: { readonly isClassifier: boolean; readonly targets: number },
): Float64Array {
  const init = estimator.value("init_");
  if (init === "zero") return new Float64Array(targets);
  const dummy = estimator.estimator("init_");
  if (!dummy.className.startsWith("Dummy")) {
    return estimator.wrong(
      "init_",
      `is a ${dummy.className}: only the default and "zero" are supported; export it to ONNX (skl2onnx)`,
    );
  }
  if (!isClassifier) return dummy.vector("constant_", targets);
  const priors = dummy.vector("class_prior_", targets === 1 ? 2 : targets);
  // Version 1.7 or 1.8 clips later than the ones before it did.
  const eps = estimator.minorVersion >= 8 ? 2 ** -52 : 2 ** -23;
  const clipped = priors.map((prior) => Math.min(Math.max(prior, eps), 1 - eps));
  if (targets === 1) {
    const half = estimator.text("loss") === "exponential" ? 0.5 : 1;
    return Float64Array.of(half * logit(clipped[1] as number, estimator.minorVersion));
  }
  if (estimator.minorVersion < 4) return clipped.map(exactLog);
  const mean = pairwiseSum(clipped.map(exactLog), 0, targets) / targets;
  const geometricMean = exactExp(mean);
  return clipped.map((value) => exactLog(value / geometricMean));
}

/** As numpy computed it until version 1.3, and scipy since. */
function logit(p: number, minorVersion: number): number {
  if (minorVersion < 4 || p < 0.3 || p > 0.65) return exactLog(p / (1 - p));
  const s = 2 * (p - 0.5);
  return exactLog1p(s) - exactLog1p(-s);
}

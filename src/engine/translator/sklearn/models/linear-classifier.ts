import { scalar } from "../../../onnx/write/graph-tensor.ts";
import { flatten, sigmoid, softmax, withComplement } from "../../graph/transforms.ts";
import { readClasses } from "../estimator/class-list.ts";
import type { Estimator } from "../estimator/estimator.ts";
import type { Features } from "../estimator/features.ts";
import type { Outcome } from "../estimator/outcome.ts";
import type { Translating } from "../estimator/translating.ts";
import { classOfScores, type LinearScores, linearScores } from "./linear.ts";
import { normalized } from "./normalized.ts";

/** How a classifier makes probabilities of its scores. */
type Chances = "none" | "one-vs-rest" | "softmax" | "binary softmax" | "modified huber";

/** LogisticRegression, SGDClassifier, RidgeClassifier, LinearSVC, Perceptron and their kin. */
export function translateLinearClassifier(
  to: Translating,
  estimator: Estimator,
  features: Features,
): Outcome {
  const { graph } = to;
  // RidgeClassifier makes its classes_ of those of a part.
  const holder = estimator.has("classes_") ? estimator : estimator.estimator("_label_binarizer");
  const classes = readClasses(holder.value("classes_"), holder.called("classes_"));
  const linear = linearScores(to, estimator, features);
  const { scores, outputs } = linear;
  const expected = outputs === 1 ? 2 : outputs;
  if (classes.labels.length !== expected) {
    return estimator.wrong(
      "classes_",
      `has ${classes.labels.length} classes instead of ${expected}`,
    );
  }
  const proba = chances(to, linear, chancesOf(estimator, expected));
  const margin =
    outputs === 1 ? { value: flatten(graph, scores) } : { value: scores, columns: outputs };
  const index = classOfScores(to, linear);
  return { kind: "classes", classes, index, ...(proba !== undefined && { proba }), margin };
}

function chancesOf(estimator: Estimator, classes: number): Chances {
  const { className, minorVersion } = estimator;
  switch (className) {
    case "LogisticRegression":
    case "LogisticRegressionCV":
      return logisticChances(estimator, classes);
    case "LinearDiscriminantAnalysis":
      return classes === 2 ? "one-vs-rest" : "softmax";
    case "SGDClassifier": {
      const loss = estimator.text("loss");
      if (loss === "modified_huber") return "modified huber";
      return loss === "log_loss" || (loss === "log" && minorVersion < 3) ? "one-vs-rest" : "none";
    }
    default:
      return "none";
  }
}

/** The parameter `multi_class` decided until version 1.8 took it away. */
function logisticChances(estimator: Estimator, classes: number): Chances {
  const given = estimator.optional("multi_class") ?? "auto";
  const solver = estimator.text("solver");
  const isSeparate =
    solver === "liblinear" ||
    (solver === "newton-cholesky" && estimator.minorVersion < 6 && estimator.minorVersion >= 2);
  if (given === "ovr" || given === "warn") return "one-vs-rest";
  if (given !== "multinomial") return classes === 2 || isSeparate ? "one-vs-rest" : "softmax";
  return classes === 2 ? "binary softmax" : "softmax";
}

function chances(to: Translating, linear: LinearScores, how: Chances): string | undefined {
  const { graph } = to;
  const { scores, outputs } = linear;
  switch (how) {
    case "none":
      return undefined;
    case "softmax":
      return softmax(graph, scores, "double");
    case "binary softmax": {
      const opposite = graph.node("Neg", [scores]);
      const both = graph.node("Concat", [opposite, scores], { attributes: { axis: { int: 1 } } });
      return softmax(graph, both, "double");
    }
    case "one-vs-rest": {
      const each = sigmoid(graph, scores, { type: "double" });
      return outputs === 1 ? withComplement(graph, each, "double") : normalized(to, each, outputs);
    }
    case "modified huber": {
      const number = (value: number) => graph.constant(scalar("double", value));
      const clipped = graph.node("Clip", [scores, number(-1), number(1)]);
      const raised = graph.node("Add", [clipped, number(1)]);
      const each = graph.node("Div", [raised, number(2)]);
      return outputs === 1 ? withComplement(graph, each, "double") : normalized(to, each, outputs);
    }
  }
}

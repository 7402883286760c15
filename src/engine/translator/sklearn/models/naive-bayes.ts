import { floatTensor, int64Tensor, scalar } from "../../../onnx/write/graph-tensor.ts";
import { softmax } from "../../graph/transforms.ts";
import { readClasses } from "../estimator/class-list.ts";
import type { Estimator } from "../estimator/estimator.ts";
import { asNumbers, type Features } from "../estimator/features.ts";
import { matrixProduct } from "../estimator/matrix-product.ts";
import type { Outcome } from "../estimator/outcome.ts";
import type { Translating } from "../estimator/translating.ts";
import { transposed } from "./linear.ts";

interface Shape {
  readonly classes: number;
  readonly columns: number;
}

/** GaussianNB, BernoulliNB, MultinomialNB and ComplementNB: joint log likelihoods, and their softmax. */
export function translateNaiveBayes(
  to: Translating,
  estimator: Estimator,
  features: Features,
): Outcome {
  const { graph } = to;
  const classes = readClasses(estimator.value("classes_"), estimator.called("classes_"));
  const shape = { classes: classes.labels.length, columns: estimator.count("n_features_in_") };
  const x = asNumbers(to, features, shape.columns);
  const likelihoods =
    estimator.className === "GaussianNB"
      ? gaussian(to, estimator, { x, ...shape })
      : discrete(to, estimator, { x, ...shape });
  return {
    kind: "classes",
    classes,
    index: graph.node("ArgMax", [likelihoods], {
      attributes: { axis: { int: 1 }, keepdims: { int: 0 } },
    }),
    proba: softmax(graph, likelihoods, "double"),
  };
}

function gaussian(
  { graph }: Translating,
  estimator: Estimator,
  { x, classes, columns }: Shape & { readonly x: string },
): string {
  const means = estimator.vector("theta_", classes * columns);
  const variances = estimator.vector("var_", classes * columns);
  const priors = estimator.vector("class_prior_", classes);
  const constant = priors.map((prior, at) => {
    const own = variances.subarray(at * columns, (at + 1) * columns);
    return (
      Math.log(prior) - 0.5 * own.reduce((sum, value) => sum + Math.log(2 * Math.PI * value), 0)
    );
  });
  const perClass = [1, classes, columns];
  const rows = graph.node("Unsqueeze", [x, graph.constant(int64Tensor([1]))]);
  const distance = graph.node("Sub", [
    rows,
    graph.constant(floatTensor("double", means, perClass)),
  ]);
  const square = graph.node("Mul", [distance, distance]);
  const terms = graph.node("Div", [
    square,
    graph.constant(floatTensor("double", variances, perClass)),
  ]);
  const axis = graph.constant(int64Tensor([2]));
  const sum = graph.node("ReduceSum", [terms, axis], { attributes: { keepdims: { int: 0 } } });
  const half = graph.node("Mul", [sum, graph.constant(scalar("double", 0.5))]);
  return graph.node("Sub", [graph.constant(floatTensor("double", constant)), half]);
}

/** Those that are linear in what they count. */
function discrete(
  { graph }: Translating,
  estimator: Estimator,
  { x, classes, columns }: Shape & { readonly x: string },
): string {
  const logs = estimator.vector("feature_log_prob_", classes * columns);
  const priors = estimator.vector("class_log_prior_", classes);
  let counts = x;
  let weights = logs;
  let constant = priors;
  if (estimator.className === "ComplementNB") {
    constant = classes === 1 ? priors : new Float64Array(classes);
  } else if (estimator.className === "BernoulliNB") {
    const threshold = estimator.optional("binarize");
    if (threshold !== undefined) {
      const limit = graph.constant(scalar("double", estimator.number("binarize")));
      counts = graph.node("Cast", [graph.node("Greater", [x, limit])], {
        attributes: { to: { int: 11 } },
      });
    }
    const absent = logs.map((value) => Math.log1p(-Math.exp(value)));
    weights = logs.map((value, at) => value - (absent[at] as number));
    constant = priors.map((prior, at) =>
      absent.subarray(at * columns, (at + 1) * columns).reduce((sum, value) => sum + value, prior),
    );
  }
  const product = matrixProduct(graph, counts, {
    values: transposed(weights, classes, columns),
    rows: columns,
    columns: classes,
  });
  return graph.node("Add", [product, graph.constant(floatTensor("double", constant))]);
}

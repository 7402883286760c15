import { floatTensor, int64Tensor, scalar } from "../../../onnx/write/graph-tensor.ts";
import type { Estimator } from "../estimator/estimator.ts";
import { asNumbers, columnCount, type Features, numbersOf } from "../estimator/features.ts";
import type { Outcome } from "../estimator/outcome.ts";
import type { Translating } from "../estimator/translating.ts";

/** StandardScaler, RobustScaler, MinMaxScaler, MaxAbsScaler: in the order in which scikit-learn computes. */
export function translateScaler(
  to: Translating,
  estimator: Estimator,
  features: Features,
): Outcome {
  const { graph } = to;
  const columns = columnCount(features);
  const row = (name: string) =>
    graph.constant(floatTensor("double", estimator.vector(name, columns)));
  let value = asNumbers(to, features, columns);
  switch (estimator.className) {
    case "StandardScaler":
      if (estimator.flag("with_mean")) value = graph.node("Sub", [value, row("mean_")]);
      if (estimator.flag("with_std")) value = graph.node("Div", [value, row("scale_")]);
      break;
    case "RobustScaler":
      if (estimator.flag("with_centering")) value = graph.node("Sub", [value, row("center_")]);
      if (estimator.flag("with_scaling")) value = graph.node("Div", [value, row("scale_")]);
      break;
    case "MaxAbsScaler":
      value = graph.node("Div", [value, row("scale_")]);
      if (estimator.flag("clip")) value = clipped(to, value, [-1, 1]);
      break;
    default: {
      value = graph.node("Mul", [value, row("scale_")]);
      value = graph.node("Add", [value, row("min_")]);
      const [low, high] = estimator.list("feature_range").map(Number);
      if (estimator.flag("clip")) value = clipped(to, value, [low, high]);
    }
  }
  return { kind: "transform", features: numbersOf(value, columns) };
}

/** Normalizer: rows divided by their norm, which is 1 for rows of zeros. */
export function translateNormalizer(
  to: Translating,
  estimator: Estimator,
  features: Features,
): Outcome {
  const { graph } = to;
  const columns = columnCount(features);
  const x = asNumbers(to, features, columns);
  const norm = estimator.text("norm");
  const reductions: Readonly<Record<string, string>> = {
    l1: "ReduceSum",
    l2: "ReduceSum",
    max: "ReduceMax",
  };
  const reduction = Object.hasOwn(reductions, norm) ? reductions[norm] : undefined;
  if (reduction === undefined) return estimator.wrong("norm", `is '${norm}', which is unknown`);
  const sizes = norm === "l2" ? graph.node("Mul", [x, x]) : graph.node("Abs", [x]);
  const axis = graph.constant(int64Tensor([1]));
  const sum = graph.node(reduction, [sizes, axis], { attributes: { keepdims: { int: 1 } } });
  const length = norm === "l2" ? graph.node("Sqrt", [sum]) : sum;
  const isZero = graph.node("Equal", [length, graph.constant(scalar("double", 0))]);
  const one = graph.constant(scalar("double", 1));
  const value = graph.node("Div", [x, graph.node("Where", [isZero, one, length])]);
  return { kind: "transform", features: numbersOf(value, columns) };
}

/** Binarizer: 1 above the threshold, otherwise 0. */
export function translateBinarizer(
  to: Translating,
  estimator: Estimator,
  features: Features,
): Outcome {
  const { graph } = to;
  const columns = columnCount(features);
  const threshold = graph.constant(scalar("double", estimator.number("threshold")));
  const isAbove = graph.node("Greater", [asNumbers(to, features, columns), threshold]);
  const value = graph.node("Cast", [isAbove], { attributes: { to: { int: 11 } } });
  return { kind: "transform", features: numbersOf(value, columns) };
}

function clipped(
  { graph }: Translating,
  value: string,
  [low = 0, high = 1]: readonly (number | undefined)[],
): string {
  const limits = [low, high].map((limit) => graph.constant(scalar("double", limit)));
  return graph.node("Clip", [value, ...limits]);
}

import { floatTensor, scalar } from "../../../onnx/write/graph-tensor.ts";
import { exponential, flatten } from "../../graph/transforms.ts";
import { PythonObject } from "../../pickle/python-value.ts";
import type { Estimator } from "../estimator/estimator.ts";
import { asNumbers, type Features } from "../estimator/features.ts";
import { matrixProduct } from "../estimator/matrix-product.ts";
import type { Outcome } from "../estimator/outcome.ts";
import type { Translating } from "../estimator/translating.ts";

/** `x · coefᵀ + intercept` in double: `[N, outputs]`. */
export interface LinearScores {
  readonly scores: string;
  readonly outputs: number;
  /** Whether `coef_` is a vector: the answer is one then. */
  readonly isVector: boolean;
}

/** From `coef_` and `intercept_`, as all linear models of scikit-learn have them. */
export function linearScores(
  to: Translating,
  estimator: Estimator,
  features: Features,
): LinearScores {
  const { graph } = to;
  const { shape } = estimator.array("coef_");
  const columns = shape.at(-1) ?? 0;
  const outputs = shape.length === 2 ? (shape[0] as number) : 1;
  if (shape.length < 1 || shape.length > 2 || columns === 0 || outputs === 0) {
    return estimator.wrong("coef_", "is neither a vector nor a matrix");
  }
  const coefficients = estimator.doubles("coef_");
  const given = estimator.doubles("intercept_");
  if (given.length !== 1 && given.length !== outputs) {
    return estimator.wrong("intercept_", `has ${given.length} values instead of ${outputs}`);
  }
  const x = asNumbers(to, features, columns);
  const product = matrixProduct(graph, x, {
    values: transposed(coefficients, outputs, columns),
    rows: columns,
    columns: outputs,
  });
  const intercept = graph.constant(floatTensor("double", given));
  const scores = graph.node("Add", [product, intercept]);
  return { scores, outputs, isVector: shape.length === 1 };
}

/** LinearRegression, Ridge, Lasso, ElasticNet, SGDRegressor and their kin; with a log link PoissonRegressor,
 *  GammaRegressor and TweedieRegressor. */
export function translateLinearRegressor(
  to: Translating,
  estimator: Estimator,
  features: Features,
): Outcome {
  const { scores, outputs, isVector } = linearScores(to, estimator, features);
  const values = hasLogLink(estimator) ? exponential(to.graph, scores, "double") : scores;
  if (isVector) return { kind: "values", values: flatten(to.graph, values) };
  return { kind: "values", values, columns: outputs };
}

/** The index of the larger score: of `[N, 1]` whether it is above 0, otherwise the first largest one. */
export function classOfScores(to: Translating, { scores, outputs }: LinearScores): string {
  const { graph } = to;
  if (outputs > 1)
    return graph.node("ArgMax", [scores], {
      attributes: { axis: { int: 1 }, keepdims: { int: 0 } },
    });
  const zero = graph.constant(scalar("double", 0));
  const isSecond = graph.node("Greater", [flatten(graph, scores), zero]);
  return graph.node("Cast", [isSecond], { attributes: { to: { int: 7 } } });
}

export function transposed(values: Float64Array, rows: number, columns: number): Float64Array {
  const result = new Float64Array(values.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      result[column * rows + row] = values[row * columns + column] as number;
    }
  }
  return result;
}

function hasLogLink(estimator: Estimator): boolean {
  const { className } = estimator;
  if (className === "PoissonRegressor" || className === "GammaRegressor") return true;
  if (className !== "TweedieRegressor") return false;
  const link = estimator.value("link");
  if (link instanceof PythonObject) return estimator.wrong("link", "is an object of its own");
  return link === "log" || (link === "auto" && estimator.number("power") > 0);
}

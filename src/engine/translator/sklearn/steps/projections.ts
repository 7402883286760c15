import { floatTensor } from "../../../onnx/write/graph-tensor.ts";
import type { Estimator } from "../estimator/estimator.ts";
import { asNumbers, type Features, numbersOf } from "../estimator/features.ts";
import { matrixProduct } from "../estimator/matrix-product.ts";
import type { Outcome } from "../estimator/outcome.ts";
import type { Translating } from "../estimator/translating.ts";

/** PCA and TruncatedSVD: columns times their components. */
export function translateProjection(
  to: Translating,
  estimator: Estimator,
  features: Features,
): Outcome {
  const { graph } = to;
  const { shape } = estimator.array("components_");
  const [outputs = 0, columns = 0] = shape;
  if (shape.length !== 2 || outputs === 0 || columns === 0) {
    return estimator.wrong("components_", "is not a matrix");
  }
  const components = estimator.doubles("components_");
  const values = Float64Array.from(components, (_, at) => {
    const [row, column] = [Math.floor(at / outputs), at % outputs];
    return components[column * columns + row] as number;
  });
  let x = asNumbers(to, features, columns);
  if (estimator.className === "PCA") {
    const mean = floatTensor("double", estimator.vector("mean_", columns));
    x = graph.node("Sub", [x, graph.constant(mean)]);
  }
  let value = matrixProduct(graph, x, { values, rows: columns, columns: outputs });
  if (estimator.flag("whiten")) {
    const variances = estimator.vector("explained_variance_", outputs);
    // Smaller ones are rounding errors to scikit-learn.
    const scales = variances.map((variance) => Math.max(Math.sqrt(variance), 2 ** -52));
    value = graph.node("Div", [value, graph.constant(floatTensor("double", scales))]);
  }
  return { kind: "transform", features: numbersOf(value, outputs) };
}

import { floatTensor, int64Tensor } from "../../../onnx/write/graph-tensor.ts";
import { refuse } from "../../pickle/refuse.ts";
import type { Estimator } from "../estimator/estimator.ts";
import { asNumbers, columnCount, type Features, numbersOf } from "../estimator/features.ts";
import type { Outcome } from "../estimator/outcome.ts";
import type { Translating } from "../estimator/translating.ts";

/** Columns that PolynomialFeatures may make. */
const maxColumns = 100_000;

/** PolynomialFeatures. Each product is made of one of the degree below and one more column, as scikit-learn does. */
export function translatePolynomial(
  to: Translating,
  estimator: Estimator,
  features: Features,
): Outcome {
  const { graph } = to;
  const columns = columnCount(features);
  const x = asNumbers(to, features, columns);
  const [lowest, highest] = degrees(estimator);
  const parts: string[] = [];
  let total = 0;
  if (estimator.flag("include_bias")) {
    // Ones in as many rows as there are; x · 0 would not be 0 for NaN.
    const rows = graph.node("Shape", [x], { attributes: { end: { int: 1 } } });
    const shape = graph.node("Concat", [rows, graph.constant(int64Tensor([1]))], {
      attributes: { axis: { int: 0 } },
    });
    parts.push(graph.node("Expand", [graph.constant(floatTensor("double", [1], [1, 1])), shape]));
    total++;
  }
  // The products of the degree at hand, by their smallest column, ascending.
  let products = Array.from({ length: columns }, (_, column) => column);
  let value = x;
  for (let degree = 1; degree <= highest; degree++) {
    if (degree > 1) {
      const steps = nextDegree(products, {
        columns,
        isDistinct: estimator.flag("interaction_only"),
      });
      if (steps.length === 0) break;
      if (steps.length > maxColumns)
        refuse(`the file's PolynomialFeatures makes more than ${maxColumns} columns`);
      const below = gather(
        to,
        value,
        steps.map(({ product }) => product),
      );
      const more = gather(
        to,
        x,
        steps.map(({ column }) => column),
      );
      value = graph.node("Mul", [below, more]);
      products = steps.map(({ column }) => column);
    }
    if (degree < lowest) continue;
    parts.push(value);
    total += products.length;
  }
  if (parts.length === 0) return estimator.wrong("degree", "leaves no columns");
  const joined =
    parts.length === 1
      ? (parts[0] as string)
      : graph.node("Concat", parts, { attributes: { axis: { int: 1 } } });
  return { kind: "transform", features: numbersOf(joined, total) };
}

function degrees(estimator: Estimator): readonly [number, number] {
  const value = estimator.value("degree");
  const [low, high] = typeof value === "number" ? [1, value] : estimator.list("degree").map(Number);
  if (!Number.isInteger(low) || !Number.isInteger(high) || (high as number) > 64) {
    return estimator.wrong("degree", "is not a degree up to 64");
  }
  return [Math.max(low as number, 1), high as number];
}

/** For each column, all products of the degree below whose columns are not smaller (or are larger). */
function nextDegree(
  smallest: readonly number[],
  { columns, isDistinct }: { readonly columns: number; readonly isDistinct: boolean },
): { readonly product: number; readonly column: number }[] {
  const steps: { product: number; column: number }[] = [];
  for (let column = 0; column < columns; column++) {
    const least = isDistinct ? column + 1 : column;
    for (let product = 0; product < smallest.length; product++) {
      if ((smallest[product] as number) < least) continue;
      steps.push({ product, column });
      if (steps.length > maxColumns) return steps;
    }
  }
  return steps;
}

function gather({ graph }: Translating, value: string, columns: readonly number[]): string {
  return graph.node("Gather", [value, graph.constant(int64Tensor(columns))], {
    attributes: { axis: { int: 1 } },
  });
}

import { boolTensor, floatTensor, stringTensor } from "../../../onnx/write/graph-tensor.ts";
import { cast } from "../../graph/transforms.ts";
import { toItems } from "../../pickle/array-elements.ts";
import { NumpyArray } from "../../pickle/numpy-array.ts";
import type { PythonValue } from "../../pickle/python-value.ts";
import type { Estimator } from "../estimator/estimator.ts";
import { columnOf, type Features } from "../estimator/features.ts";
import type { Translating } from "../estimator/translating.ts";

/** The categories of one column. */
export type Categories = {
  /** Where the missing value (NaN, None) stands among them, -1 if it is none of them. */
  readonly missing: number;
} & (
  | { readonly type: "double"; readonly values: readonly number[] }
  /** A missing text is the empty one: nothing else can be sent for it. */
  | { readonly type: "string"; readonly values: readonly string[] }
);

/** `categories_`, by column. */
export function readCategories(estimator: Estimator): readonly Categories[] {
  return estimator.list("categories_").map((value) => {
    if (!(value instanceof NumpyArray) || value.shape.length !== 1 || value.size === 0) {
      return estimator.wrong("categories_", "holds something else than lists of categories");
    }
    return categoriesOf(toItems(value, estimator.called("categories_")), estimator);
  });
}

/** Which category each row's value in `column` is: `[N, categories]` of 0 and 1, as double. All are 0 if it is unknown. */
export function categoryHits(
  to: Translating,
  features: Features,
  { column, categories }: { readonly column: number; readonly categories: Categories },
): string {
  const { graph } = to;
  const x = columnOf(to, features, { column, type: categories.type });
  const shape = [1, categories.values.length];
  if (categories.type === "string") {
    const texts = graph.constant(stringTensor(categories.values, shape));
    return cast(graph, graph.node("Equal", [x, texts]), "double");
  }
  const numbers = graph.constant(floatTensor("double", categories.values, shape));
  let isHit = graph.node("Equal", [x, numbers]);
  if (categories.missing !== -1) {
    const isMissing = graph.constant(boolTensor(categories.values.map(Number.isNaN), shape));
    const both = graph.node("And", [graph.node("IsNaN", [x]), isMissing]);
    isHit = graph.node("Or", [isHit, both]);
  }
  return cast(graph, isHit, "double");
}

function categoriesOf(items: readonly PythonValue[], estimator: Estimator): Categories {
  const missing = items.findIndex(isMissing);
  const known = items.filter((item) => !isMissing(item));
  if (items.length - known.length > 1) {
    return estimator.wrong("categories_", "tells None and NaN apart: not supported");
  }
  if (known.every((item) => typeof item === "string") && known.length > 0) {
    if (missing !== -1 && known.includes("")) {
      return estimator.wrong("categories_", "tells missing and empty texts apart: not supported");
    }
    const values = items.map((item) => (typeof item === "string" ? item : ""));
    return { type: "string", values, missing };
  }
  if (known.every((item) => typeof item === "number" || typeof item === "boolean")) {
    const values = items.map((item) => (isMissing(item) ? Number.NaN : Number(item)));
    return { type: "double", values, missing };
  }
  return estimator.wrong("categories_", "mixes texts and numbers in one column: not supported");
}

function isMissing(item: PythonValue): boolean {
  return item === null || Number.isNaN(item);
}

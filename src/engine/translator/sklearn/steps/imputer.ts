import { floatTensor, scalar, stringTensor } from "../../../onnx/write/graph-tensor.ts";
import { cast } from "../../graph/transforms.ts";
import { toDoubles, toItems } from "../../pickle/array-elements.ts";
import type { NumpyArray } from "../../pickle/numpy-array.ts";
import type { Estimator } from "../estimator/estimator.ts";
import {
  asNumbers,
  columnCount,
  columnOf,
  type Features,
  numbersOf,
  selectColumns,
} from "../estimator/features.ts";
import type { Outcome } from "../estimator/outcome.ts";
import type { Translating } from "../estimator/translating.ts";

/** SimpleImputer: missing values become a statistic of their column. Columns without one are dropped. */
export function translateImputer(
  to: Translating,
  estimator: Estimator,
  features: Features,
): Outcome {
  const columns = columnCount(features);
  const statistics = estimator.array("statistics_");
  if (statistics.size !== columns) {
    return estimator.wrong("statistics_", `has ${statistics.size} values for ${columns} columns`);
  }
  const items = toItems(statistics, estimator.called("statistics_"));
  if (items.some((item) => typeof item === "string")) {
    return imputeTexts(to, estimator, { features, texts: items.map(String) });
  }
  return imputeNumbers(to, estimator, { features, statistics });
}

function imputeNumbers(
  to: Translating,
  estimator: Estimator,
  { features, statistics }: { readonly features: Features; readonly statistics: NumpyArray },
): Outcome {
  const { graph } = to;
  const fill = toDoubles(statistics, estimator.called("statistics_"));
  const keepsAll =
    estimator.flag("keep_empty_features") ||
    (estimator.text("strategy") === "constant" && estimator.minorVersion < 9);
  const kept = [...fill.keys()].filter((at) => keepsAll || !Number.isNaN(fill[at]));
  const x = asNumbers(to, selectColumns(to, features, kept), kept.length);
  const statistic = graph.constant(
    floatTensor(
      "double",
      kept.map((at) => fill[at] as number),
    ),
  );
  const value = graph.node("Where", [missingNumbers(to, estimator, x), statistic, x]);
  const result = numbersOf(value, kept.length);
  if (!estimator.flag("add_indicator")) return { kind: "transform", features: result };
  // One more column per column that had missing values when it was fitted, among all of them.
  const indicator = estimator.estimator("indicator_");
  const marked = [...indicator.doubles("features_")];
  const all = asNumbers(to, selectColumns(to, features, marked), marked.length);
  const flags = cast(graph, missingNumbers(to, estimator, all), "double");
  return { kind: "transform", features: [...result, ...numbersOf(flags, marked.length)] };
}

function missingNumbers({ graph }: Translating, estimator: Estimator, x: string): string {
  const missing = estimator.optional("missing_values");
  if (missing === undefined || Number.isNaN(missing)) return graph.node("IsNaN", [x]);
  return graph.node("Equal", [
    x,
    graph.constant(scalar("double", estimator.number("missing_values"))),
  ]);
}

/** A missing text is the empty one. */
function imputeTexts(
  to: Translating,
  estimator: Estimator,
  { features, texts }: { readonly features: Features; readonly texts: readonly string[] },
): Outcome {
  const { graph } = to;
  if (estimator.flag("add_indicator")) {
    return estimator.wrong("add_indicator", "is set for columns of text, which is not supported");
  }
  const missing = estimator.optional("missing_values");
  const mark = graph.constant(stringTensor([typeof missing === "string" ? missing : ""], [1, 1]));
  return {
    kind: "transform",
    features: texts.map((text, column) => {
      const x = columnOf(to, features, { column, type: "string" });
      const own = graph.constant(stringTensor([text], [1, 1]));
      const value = graph.node("Where", [graph.node("Equal", [x, mark]), own, x]);
      return { value, columns: 1, type: "string" };
    }),
  };
}

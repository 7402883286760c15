import { int64Tensor, scalar } from "../../../onnx/write/graph-tensor.ts";
import { cast, flatten, softmax, withComplement } from "../../graph/transforms.ts";
import { PythonObject } from "../../pickle/python-value.ts";
import { readXgboost } from "../../xgboost/read-xgboost.ts";
import { writeXgboost } from "../../xgboost/write-xgboost.ts";
import type { XgboostModel } from "../../xgboost/xgboost-model.ts";
import { type ClassList, readClasses } from "../estimator/class-list.ts";
import type { Estimator } from "../estimator/estimator.ts";
import { asNumbers, type Features } from "../estimator/features.ts";
import type { Outcome } from "../estimator/outcome.ts";
import type { Translating } from "../estimator/translating.ts";

/** Models are looked at before they are translated, and sometimes twice. */
const read = new WeakMap<PythonObject, XgboostModel>();

/** The model in an estimator of xgboost.sklearn: its booster is pickled as UBJSON. */
export function xgboostModelOf(estimator: Estimator): XgboostModel {
  const known = read.get(estimator.object);
  if (known !== undefined) return known;
  const booster = estimator.value("_Booster");
  const handle = booster instanceof PythonObject ? booster.attribute("handle") : undefined;
  if (!(handle instanceof Uint8Array))
    return estimator.wrong("_Booster", "is missing: was it fitted?");
  const model = readXgboost(handle);
  read.set(estimator.object, model);
  return model;
}

/** XGBClassifier, XGBRegressor, XGBRanker and their forests, as their `predict` and `predict_proba` answer. */
export function translateXgboostEstimator(
  to: Translating,
  estimator: Estimator,
  features: Features,
): Outcome {
  const { graph } = to;
  const model = xgboostModelOf(estimator);
  const { outputs } = model;
  const x = withMissing(
    to,
    estimator,
    cast(graph, asNumbers(to, features, model.features), "float"),
  );
  const maxSplits = to.options.maxSplits - to.splits;
  const written = writeXgboost(graph, x, { ...to.options, maxSplits, model });
  to.splits += written.splits;
  const { objective, sums } = written;
  const margin = outputs === 1 ? flatten(graph, sums) : sums;
  const isIndex = objective.answers === "class index";
  const value = objective.answer?.(graph, isIndex ? sums : margin) ?? margin;
  if (!/Classifier$/.test(estimator.className)) {
    const columns = outputs > 1 && !isIndex ? { columns: outputs } : {};
    return { kind: "values", type: "float", values: value, ...columns };
  }
  if (model.hasTargets) {
    return estimator.wrong(
      "_Booster",
      "has several labels per row, which is not supported in a pickle: save it with save_model",
    );
  }
  const classes = classesOf(estimator, Math.max(outputs, 2));
  const scores = { kind: "classes", type: "float", classes } as const;
  if (outputs === 1) {
    const isSecond = graph.node("Greater", [value, graph.constant(scalar("float", 0.5))]);
    const index = cast(graph, isSecond, "int64");
    const proba = withComplement(graph, value, "float");
    return { ...scores, index, proba, margin: { value: margin } };
  }
  const proba = isIndex ? softmax(graph, sums, "float") : value;
  const index = graph.node("ArgMax", [proba], {
    attributes: { axis: { int: 1 }, keepdims: { int: 0 } },
  });
  return { ...scores, index, proba, margin: { value: margin, columns: outputs } };
}

/** The value that stands for a missing one becomes NaN. */
function withMissing({ graph }: Translating, estimator: Estimator, x: string): string {
  const missing = estimator.has("missing") ? estimator.number("missing") : Number.NaN;
  if (Number.isNaN(missing)) return x;
  const isMissing = graph.node("Equal", [x, graph.constant(scalar("float", missing))]);
  return graph.node("Where", [isMissing, graph.constant(scalar("float", Number.NaN)), x]);
}

/** Labels are encoded up to XGBoost 1.5; later they are 0, 1 and so on. */
function classesOf(estimator: Estimator, count: number): ClassList {
  const holder = estimator.has("_le") ? estimator.value("_le") : undefined;
  const own = holder instanceof PythonObject ? holder.attribute("classes_") : undefined;
  const given = own ?? estimator.optional("classes_");
  if (given === undefined) {
    const labels = Array.from({ length: count }, (_, label) => label);
    return { labels, tensor: int64Tensor(labels) };
  }
  const classes = readClasses(given, estimator.called("classes_"));
  if (classes.labels.length === count) return classes;
  return estimator.wrong("classes_", `has ${classes.labels.length} classes instead of ${count}`);
}

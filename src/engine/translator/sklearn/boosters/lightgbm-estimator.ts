import { flatten, withComplement } from "../../graph/transforms.ts";
import type { LightgbmModel } from "../../lightgbm/lightgbm-model.ts";
import { readLightgbm } from "../../lightgbm/read-lightgbm.ts";
import { writeLightgbm } from "../../lightgbm/write-lightgbm.ts";
import { PythonList, PythonObject } from "../../pickle/python-value.ts";
import { readClasses } from "../estimator/class-list.ts";
import type { Estimator } from "../estimator/estimator.ts";
import { asNumbers, type Features } from "../estimator/features.ts";
import type { Outcome } from "../estimator/outcome.ts";
import type { Translating } from "../estimator/translating.ts";

/** Models are looked at before they are translated, and sometimes twice. */
const read = new WeakMap<PythonObject, LightgbmModel>();

/** The model in an estimator of lightgbm.sklearn: its booster is pickled as text, with all rounds. */
export function lightgbmModelOf(estimator: Estimator): LightgbmModel {
  const known = read.get(estimator.object);
  if (known !== undefined) return known;
  const booster = boosterOf(estimator);
  const text = booster.attribute("_handle") ?? booster.attribute("handle");
  if (typeof text !== "string") return estimator.wrong("_Booster", "is missing: was it fitted?");
  const categories = booster.attribute("pandas_categorical");
  if (categories instanceof PythonList && categories.items.length > 0) {
    return estimator.wrong(
      "_Booster",
      "was trained on categories of pandas, whose codes are not in requests: encode them before (OrdinalEncoder)",
    );
  }
  const model = readLightgbm(Buffer.from(text));
  read.set(estimator.object, model);
  return model;
}

/** LGBMClassifier, LGBMRegressor and LGBMRanker, as their `predict` and `predict_proba` answer. */
export function translateLightgbmEstimator(
  to: Translating,
  estimator: Estimator,
  features: Features,
): Outcome {
  const { graph } = to;
  const model = bestRounds(to, estimator);
  const { columns, objective, outputs } = model;
  const maxSplits = to.options.maxSplits - to.splits;
  const x = asNumbers(to, features, columns);
  const { margin, answer, splits } = writeLightgbm(graph, x, { model, maxSplits });
  to.splits += splits;
  const shaped = (value: string) => (outputs === 1 ? flatten(graph, value) : value);
  if (!/Classifier$/.test(estimator.className)) {
    const several = outputs > 1 ? { columns: outputs } : {};
    return { kind: "values", values: shaped(answer), ...several };
  }
  const encoder = estimator.value("_le");
  const given = encoder instanceof PythonObject ? encoder.attribute("classes_") : undefined;
  const classes = readClasses(given ?? null, estimator.called("_le"));
  const expected = outputs === 1 ? 2 : outputs;
  if (objective.classes === "none" || classes.labels.length !== expected) {
    return estimator.wrong(
      "_Booster",
      `answers scores of ${outputs} outputs, not chances of ${classes.labels.length} classes`,
    );
  }
  const proba = outputs === 1 ? withComplement(graph, answer, "double") : answer;
  const index = graph.node("ArgMax", [proba], {
    attributes: { axis: { int: 1 }, keepdims: { int: 0 } },
  });
  const width = outputs === 1 ? {} : { columns: outputs };
  return { kind: "classes", classes, index, proba, margin: { value: shaped(margin), ...width } };
}

/** The rounds up to the best one, if training stopped early. */
function bestRounds(to: Translating, estimator: Estimator): LightgbmModel {
  const model = lightgbmModelOf(estimator);
  const best = boosterOf(estimator).attribute("best_iteration");
  if (to.options.rounds === "all" || typeof best !== "number" || !(best > 0)) return model;
  return { ...model, trees: model.trees.slice(0, best * model.outputs) };
}

function boosterOf(estimator: Estimator): PythonObject {
  const booster = estimator.value("_Booster");
  return booster instanceof PythonObject
    ? booster
    : estimator.wrong("_Booster", "is missing: was it fitted?");
}

import { toItems } from "../pickle/array-elements.ts";
import { NumpyArray } from "../pickle/numpy-array.ts";
import { PythonList, PythonObject, PythonTuple, type PythonValue } from "../pickle/python-value.ts";
import { lightgbmModelOf } from "./boosters/lightgbm-estimator.ts";
import { xgboostModelOf } from "./boosters/xgboost-estimator.ts";
import { Estimator } from "./estimator/estimator.ts";

/** Pipelines within pipelines. */
const maxDepth = 64;

interface ModelColumns {
  readonly count: number;
  /** All different and none empty; otherwise undefined. */
  readonly names: readonly string[] | undefined;
}

/** The columns that a model was fitted with: its first step that says so was. Throws RuntimeError "invalid-argument" if
 *  none does, by way of `checkClass` if its class is unknown. */
export function modelColumns(
  estimator: Estimator,
  checkClass: (member: Estimator) => void,
): ModelColumns {
  let count: number | undefined;
  let names: readonly string[] | undefined;
  let member: Estimator | undefined = estimator;
  for (let depth = 0; depth < maxDepth && member !== undefined; depth++) {
    if (count === undefined) checkClass(member);
    const own = ownColumns(member);
    count ??= own.count;
    names ??= own.names;
    member = firstWithin(member);
  }
  // Its own message says what is missing.
  count ??= estimator.count("n_features_in_");
  const areNames = names?.length === count && new Set(names).size === count && !names.includes("");
  return { count, names: areNames ? names : undefined };
}

function ownColumns(member: Estimator): Partial<ModelColumns> {
  const { module } = member.object.type;
  if (module.startsWith("xgboost.")) {
    const { features, featureNames } = xgboostModelOf(member);
    return { count: features, names: featureNames };
  }
  if (module.startsWith("lightgbm.")) {
    const { columns, featureNames } = lightgbmModelOf(member);
    // Names that LightGBM makes up are no names.
    const areGiven = !featureNames.every((name, at) => name === `Column_${at}`);
    return { count: columns, names: areGiven ? featureNames : undefined };
  }
  const isCounted = member.has("n_features_in_");
  return {
    ...(isCounted && { count: member.count("n_features_in_") }),
    names: givenNames(member.optional("feature_names_in_")),
  };
}

function givenNames(value: PythonValue | undefined): readonly string[] | undefined {
  if (!(value instanceof NumpyArray)) return undefined;
  const names = toItems(value, "feature_names_in_");
  return names.every((name) => typeof name === "string") ? names : undefined;
}

/** The first estimator within another that sees the same columns. */
function firstWithin(member: Estimator): Estimator | undefined {
  if (member.has("best_estimator_")) return member.estimator("best_estimator_");
  for (const attribute of ["steps", "transformer_list"]) {
    if (!member.has(attribute)) continue;
    for (const item of member.list(attribute)) {
      const isPair = item instanceof PythonTuple || item instanceof PythonList;
      const inner = isPair ? item.items[1] : undefined;
      if (!(inner instanceof PythonObject)) continue;
      const step = new Estimator(inner);
      // It may not have looked at its columns, and leaves as many.
      const isBlind = step.className === "FunctionTransformer" && !step.has("n_features_in_");
      if (!isBlind) return step;
    }
  }
  return undefined;
}

import { floatTensor } from "../../../onnx/write/graph-tensor.ts";
import { toDoubles } from "../../pickle/array-elements.ts";
import { NumpyArray } from "../../pickle/numpy-array.ts";
import {
  PythonDict,
  PythonList,
  PythonObject,
  PythonTuple,
  type PythonValue,
} from "../../pickle/python-value.ts";
import { refuse } from "../../pickle/refuse.ts";
import { Estimator } from "../estimator/estimator.ts";
import {
  asNumbers,
  columnCount,
  type Features,
  numbersOf,
  selectColumns,
} from "../estimator/features.ts";
import type { Outcome } from "../estimator/outcome.ts";
import type { Translating } from "../estimator/translating.ts";

/** Pipeline: what its last step answers. */
export function translatePipeline(
  to: Translating,
  estimator: Estimator,
  features: Features,
): Outcome {
  let outcome: Outcome = { kind: "transform", features };
  for (const { name, step } of namedSteps(estimator, "steps")) {
    if (outcome.kind !== "transform") {
      return refuse(`the step before '${name}' of the file's Pipeline is not a transformer`);
    }
    outcome = translateStep(to, step, outcome.features);
  }
  return outcome;
}

/** FeatureUnion: the columns of all its transformers. */
export function translateFeatureUnion(
  to: Translating,
  estimator: Estimator,
  features: Features,
): Outcome {
  const parts = namedSteps(estimator, "transformer_list").map(({ name, step }) =>
    weighted(to, estimator, { name, features: transformed(to, { name, step, features }) }),
  );
  return { kind: "transform", features: parts.flat() };
}

/** ColumnTransformer: transformers of some columns each, side by side. */
export function translateColumnTransformer(
  to: Translating,
  estimator: Estimator,
  features: Features,
): Outcome {
  const columns = estimator.dict("_transformer_to_input_indices");
  const parts = namedSteps(estimator, "transformers_").map(({ name, step }) => {
    const indices = indicesOf(columns.get(name), estimator);
    if (step === "drop" || indices.length === 0) return [];
    const own = selectColumns(to, features, indices);
    return weighted(to, estimator, {
      name,
      features: transformed(to, { name, step, features: own }),
    });
  });
  return { kind: "transform", features: parts.flat() };
}

/** GridSearchCV and its kin: the best estimator that they found. */
export function translateSearch(
  to: Translating,
  estimator: Estimator,
  features: Features,
): Outcome {
  return to.translate(estimator.estimator("best_estimator_"), features);
}

/** VarianceThreshold: the columns whose variance is above its threshold. */
export function translateVarianceThreshold(
  to: Translating,
  estimator: Estimator,
  features: Features,
): Outcome {
  const threshold = estimator.number("threshold");
  const variances = estimator.vector("variances_", columnCount(features));
  const kept = [...variances.keys()].filter((at) => (variances[at] as number) > threshold);
  return { kind: "transform", features: selectColumns(to, features, kept) };
}

interface Step {
  readonly name: string;
  readonly step: PythonValue;
}

/** Pairs or triples of which the first is a name and the second an estimator. */
function namedSteps(estimator: Estimator, attribute: string): readonly Step[] {
  return estimator.list(attribute).map((item) => {
    const [name, step] =
      item instanceof PythonTuple || item instanceof PythonList ? item.items : [];
    if (typeof name !== "string" || step === undefined) {
      return estimator.wrong(attribute, "holds something else than named estimators");
    }
    return { name, step };
  });
}

function translateStep(to: Translating, step: PythonValue, features: Features): Outcome {
  if (step === null || step === "passthrough") return { kind: "transform", features };
  if (step instanceof PythonObject) return to.translate(new Estimator(step), features);
  return refuse("a step of the file's pipeline is not an estimator: the file is damaged");
}

function transformed(
  to: Translating,
  { name, step, features }: Step & { readonly features: Features },
): Features {
  const outcome = translateStep(to, step, features);
  if (outcome.kind === "transform") return outcome.features;
  return refuse(`'${name}' of the file's model is not a transformer`);
}

/** Columns times the weight of their transformer. */
function weighted(
  to: Translating,
  estimator: Estimator,
  { name, features }: { readonly name: string; readonly features: Features },
): Features {
  const weights = estimator.optional("transformer_weights");
  const weight = weights instanceof PythonDict ? weights.entries.get(name) : undefined;
  if (weight === undefined || weight === null) return features;
  const columns = columnCount(features);
  // Not one element: see matrixProduct.
  const factors = new Array<number>(columns).fill(Number(weight));
  const factor = to.graph.constant(floatTensor("double", factors));
  return numbersOf(to.graph.node("Mul", [asNumbers(to, features, columns), factor]), columns);
}

function indicesOf(value: PythonValue | undefined, estimator: Estimator): readonly number[] {
  const name = "_transformer_to_input_indices";
  const items =
    value instanceof NumpyArray
      ? [...toDoubles(value, estimator.called(name))]
      : value instanceof PythonList
        ? value.items.map(Number)
        : undefined;
  return items ?? estimator.wrong(name, "does not say which columns there are");
}

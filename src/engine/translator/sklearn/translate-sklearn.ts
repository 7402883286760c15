import { GraphBuilder } from "../graph/graph-builder.ts";
import { toItems } from "../pickle/array-elements.ts";
import { NumpyArray } from "../pickle/numpy-array.ts";
import { PythonObject, type PythonValue } from "../pickle/python-value.ts";
import { readModelFile } from "../pickle/read-model-file.ts";
import { refuse, shown } from "../pickle/refuse.ts";
import type { Translate, TranslationOptions } from "../translation.ts";
import { labelsAt } from "./estimator/class-list.ts";
import { Estimator } from "./estimator/estimator.ts";
import { asNumbers, type ColumnType, columnCount, type Features } from "./estimator/features.ts";
import type { Outcome } from "./estimator/outcome.ts";
import type { Translating } from "./estimator/translating.ts";
import { estimatorTable } from "./estimator-table.ts";

/** Estimators of one file. A small file can refer to one of them without end. */
const maxEstimators = 10_000;
/** Pipelines within pipelines. */
const maxDepth = 64;

/** Translates a fitted scikit-learn estimator or pipeline: `.joblib`, `.pkl` or `.skops`. */
export const translateSklearn: Translate = (file, options) => {
  const root = readModelFile(file);
  if (!(root instanceof PythonObject)) {
    return refuse(
      `the file holds ${kindOf(root)}, not a scikit-learn model: write the fitted model itself`,
    );
  }
  const estimator = new Estimator(root);
  const columns = columnsOf(estimator);
  // What the columns have to be shows when all steps have been seen.
  const columnTypes = new Map<number, ColumnType>();
  const first = build(estimator, { options, columns, columnTypes, names: undefined });
  if (![...columnTypes.values()].includes("string")) return first();
  const names = featureNames(estimator, columns);
  return build(estimator, { options, columns, columnTypes, names })();
};

interface Build {
  readonly options: TranslationOptions;
  readonly columns: number;
  /** Filled in; what is in it at the start decides on the inputs. */
  readonly columnTypes: Map<number, ColumnType>;
  readonly names: readonly string[] | undefined;
}

/** Puts the estimator into a graph. The result writes that. */
function build(
  estimator: Estimator,
  { options, columns, columnTypes, names }: Build,
): () => { readonly onnx: Uint8Array; readonly splits: number } {
  const graph = new GraphBuilder();
  const features = inputs(graph, { columns, columnTypes, names });
  let estimatorsLeft = maxEstimators;
  let depth = 0;
  const to: Translating = {
    graph,
    options,
    columnTypes,
    splits: 0,
    translate(member, of) {
      const translate = estimatorTable.get(member.className) ?? unsupported(member);
      if (--estimatorsLeft < 0) refuse(`the file's model has more than ${maxEstimators} steps`);
      if (++depth > maxDepth) refuse(`the file's model nests more than ${maxDepth} pipelines`);
      const outcome = translate(to, member, of);
      depth--;
      return outcome;
    },
  };
  const outcome = to.translate(estimator, features);
  return () => {
    writeOutputs(to, outcome);
    writeMetadata(to, estimator, { outcome, columns });
    return { onnx: graph.finish(), splits: to.splits };
  };
}

/** One input for all columns if they are of one type; otherwise one each for those that are used. */
function inputs(
  graph: GraphBuilder,
  { columns, columnTypes, names }: Pick<Build, "columns" | "columnTypes" | "names">,
): Features {
  const sources = Array.from({ length: columns }, (_, at) => at);
  const areTexts = names !== undefined && sources.every((at) => columnTypes.get(at) === "string");
  if (names === undefined || areTexts) {
    const type = areTexts ? "string" : "double";
    return [{ value: graph.input("input", type, ["N", columns]), columns, type, sources }];
  }
  return sources.map((source) => {
    const type = columnTypes.get(source);
    const name = names[source] as string;
    // Nothing reads a column that no step has asked for.
    const value = type === undefined ? "" : graph.input(name, type, ["N", 1]);
    return { value, columns: 1, type: type ?? "double", sources: [source] };
  });
}

function writeOutputs(to: Translating, outcome: Outcome): void {
  const { graph } = to;
  const shape = (columns: number | undefined) => (columns === undefined ? ["N"] : ["N", columns]);
  switch (outcome.kind) {
    case "transform": {
      const columns = columnCount(outcome.features);
      if (columns === 0) refuse("the file's transformer has no columns left");
      const value = asNumbers(to, outcome.features, columns);
      graph.output("transform", value, { type: "double", shape: ["N", columns] });
      return;
    }
    case "values":
      graph.output("predict", outcome.values, { type: "double", shape: shape(outcome.columns) });
      return;
    case "classes": {
      const { classes, index, proba, margin } = outcome;
      const labels = labelsAt(graph, classes, index);
      graph.output("predict", labels, { type: classes.tensor.type, shape: ["N"] });
      if (proba !== undefined) {
        const columns = classes.labels.length;
        graph.output("predict_proba", proba, { type: "double", shape: ["N", columns] });
      }
      if (margin === undefined) return;
      graph.output("margin", margin.value, { type: "double", shape: shape(margin.columns) });
    }
  }
}

function writeMetadata(
  { graph }: Translating,
  estimator: Estimator,
  { outcome, columns }: { readonly outcome: Outcome; readonly columns: number },
): void {
  graph.metadata("modelport.format", "sklearn");
  const version = estimator.optional("_sklearn_version");
  if (typeof version === "string") graph.metadata("modelport.library", shown(version));
  const names = givenNames(estimator);
  if (names?.length === columns && new Set(names).size === columns) {
    graph.metadata("modelport.features", JSON.stringify(names));
  }
  if (outcome.kind === "classes") {
    graph.metadata("modelport.classes", JSON.stringify(outcome.classes.labels));
  }
  graph.metadata("modelport.kserve_output", outcome.kind === "transform" ? "transform" : "predict");
}

/** Names of the columns, made up if the file has none. */
function featureNames(estimator: Estimator, columns: number): readonly string[] {
  const names = givenNames(estimator);
  if (names?.length === columns && new Set(names).size === columns && !names.includes(""))
    return names;
  return Array.from({ length: columns }, (_, at) => `x${at}`);
}

/** Columns of the model's input: what its first step was fitted with. */
function columnsOf(estimator: Estimator): number {
  const holder = firstStep(estimator, (member) => member.has("n_features_in_"));
  return (holder ?? estimator).count("n_features_in_");
}

function givenNames(estimator: Estimator): readonly string[] | undefined {
  const holder = firstStep(estimator, (member) => member.has("feature_names_in_"));
  const value = holder?.value("feature_names_in_");
  if (!(value instanceof NumpyArray)) return undefined;
  const names = toItems(value, "feature_names_in_");
  return names.every((name) => typeof name === "string") ? names : undefined;
}

/** The estimator, or the first one within it that sees the same columns, for which `holds` is true. */
function firstStep(
  estimator: Estimator,
  holds: (member: Estimator) => boolean,
): Estimator | undefined {
  let member = estimator;
  for (let depth = 0; depth < maxDepth; depth++) {
    if (holds(member)) return member;
    const inner = innerOf(member);
    if (!(inner instanceof PythonObject)) return undefined;
    member = new Estimator(inner);
  }
  return undefined;
}

function innerOf(member: Estimator): PythonValue | undefined {
  if (member.has("best_estimator_")) return member.value("best_estimator_");
  for (const name of ["steps", "transformer_list"]) {
    if (!member.has(name)) continue;
    for (const item of member.list(name)) {
      const inner = item instanceof Object && "items" in item ? item.items[1] : undefined;
      if (inner instanceof PythonObject) return inner;
    }
  }
  return undefined;
}

function unsupported(estimator: Estimator): never {
  const { module } = estimator.object.type;
  const version = estimator.optional("_sklearn_version");
  const library = typeof version === "string" ? ` of scikit-learn ${shown(version)}` : "";
  return refuse(
    `the file's model has a ${shown(`${module}.${estimator.className}`)}${library}, which is not supported. Supported are ` +
      `${[...estimatorTable.keys()].join(", ")}. Export the model to ONNX (skl2onnx) and serve that`,
  );
}

function kindOf(value: PythonValue): string {
  if (value instanceof NumpyArray) return "an array";
  if (value instanceof Object)
    return `a ${value.constructor.name.replace("Python", "").toLowerCase()}`;
  return value === null ? "nothing" : `a ${typeof value}`;
}

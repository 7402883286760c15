import { GraphBuilder } from "../../onnx/write/graph-builder.ts";
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
import { modelColumns } from "./model-columns.ts";

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
  const { count: columns, names } = modelColumns(estimator, checkClass);
  // What the columns have to be shows when all steps have been seen.
  const columnTypes = new Map<number, ColumnType>();
  const first = build(estimator, { options, columns, columnTypes, names: undefined });
  if (![...columnTypes.values()].includes("string")) return first();
  const inputNames = names ?? Array.from({ length: columns }, (_, at) => `x${at}`);
  return build(estimator, { options, columns, columnTypes, names: inputNames })();
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
    writeMetadata(to, estimator, outcome);
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
      graph.output("predict", outcome.values, {
        type: outcome.type ?? "double",
        shape: shape(outcome.columns),
      });
      return;
    case "classes": {
      const { type = "double", classes, index, proba, margin } = outcome;
      const labels = labelsAt(graph, classes, index);
      graph.output("predict", labels, { type: classes.tensor.type, shape: ["N"] });
      if (proba !== undefined) {
        const columns = classes.labels.length;
        graph.output("predict_proba", proba, { type, shape: ["N", columns] });
      }
      if (margin === undefined) return;
      graph.output("margin", margin.value, { type, shape: shape(margin.columns) });
    }
  }
}

function writeMetadata({ graph }: Translating, estimator: Estimator, outcome: Outcome): void {
  graph.metadata("modelport.format", "sklearn");
  const version = estimator.optional("_sklearn_version");
  if (typeof version === "string") graph.metadata("modelport.library", shown(version));
  const { names } = modelColumns(estimator, checkClass);
  if (names !== undefined) graph.metadata("modelport.features", JSON.stringify(names));
  if (outcome.kind === "classes") {
    graph.metadata("modelport.classes", JSON.stringify(outcome.classes.labels));
  }
  graph.metadata("modelport.kserve_output", outcome.kind === "transform" ? "transform" : "predict");
}

function checkClass(member: Estimator): void {
  if (!estimatorTable.has(member.className)) unsupported(member);
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

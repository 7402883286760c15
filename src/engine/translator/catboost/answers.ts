import type { GraphBuilder } from "../../onnx/write/graph-builder.ts";
import { int64Tensor, scalar } from "../../onnx/write/graph-tensor.ts";
import { type ClassLabels, labelsAt, labelsOf } from "../graph/labels.ts";
import { cast, exponential, flatten, sigmoid, softmax } from "../graph/transforms.ts";
import type { CatboostModel } from "./catboost-model.ts";
import { malformed } from "./catboost-refusal.ts";

/** Losses of several labels of which a row may have any. */
const manyLabels = new Set(["MultiLogloss", "MultiCrossEntropy"]);
/** Losses whose scores are logarithms of what is answered. */
const logarithmic = new Set(["Poisson", "Tweedie"]);

/** Adds the outputs for `margin`, doubles of shape `[N, dimension]`. */
export function writeAnswers(graph: GraphBuilder, margin: string, model: CatboostModel): void {
  const { classes } = model.info;
  if (classes === undefined) writeValues(graph, margin, model);
  else if (manyLabels.has(model.info.loss)) writeLabelSets(graph, margin, model);
  else if (model.dimension === 1) writeTwoClasses(graph, margin, { model, classes });
  else writeClasses(graph, margin, { model, classes });
  const shape = model.dimension === 1 ? ["N"] : ["N", model.dimension];
  graph.output("margin", model.dimension === 1 ? flatten(graph, margin) : margin, {
    type: "double",
    shape,
  });
}

function writeValues(
  graph: GraphBuilder,
  margin: string,
  { dimension, info }: CatboostModel,
): void {
  if (info.loss === "RMSEWithUncertainty" && dimension === 2) {
    graph.output("predict", withVariance(graph, margin), { type: "double", shape: ["N", 2] });
    return;
  }
  const values = logarithmic.has(info.loss) ? exponential(graph, margin, "double") : margin;
  if (dimension === 1)
    graph.output("predict", flatten(graph, values), { type: "double", shape: ["N"] });
  else
    graph.output("predict", graph.node("Identity", [values]), {
      type: "double",
      shape: ["N", dimension],
    });
}

/** A mean and a logarithm of the deviation -> the mean and the variance. */
function withVariance(graph: GraphBuilder, margin: string): string {
  const column = (index: number) =>
    graph.node("Gather", [margin, graph.constant(int64Tensor([index]))], {
      attributes: { axis: { int: 1 } },
    });
  const doubled = graph.node("Mul", [column(1), graph.constant(scalar("double", 2))]);
  const variance = exponential(graph, doubled, "double");
  return graph.node("Concat", [column(0), variance], { attributes: { axis: { int: 1 } } });
}

interface Classifier {
  readonly model: CatboostModel;
  readonly classes: ClassLabels;
}

function writeTwoClasses(
  graph: GraphBuilder,
  margin: string,
  { model, classes }: Classifier,
): void {
  checkCount(classes, 2);
  const { threshold } = model.info;
  const border = graph.constant(scalar("double", -Math.log(1 / threshold - 1)));
  const indices = cast(graph, graph.node("Greater", [flatten(graph, margin), border]), "int64");
  const labels = labelsAt(graph, indices, classes);
  graph.output("predict", labels.value, { type: labels.type, shape: ["N"] });
  const both = graph.node("Concat", [graph.node("Neg", [margin]), margin], {
    attributes: { axis: { int: 1 } },
  });
  graph.output("predict_proba", sigmoid(graph, both, { type: "double" }), {
    type: "double",
    shape: ["N", 2],
  });
}

function writeClasses(graph: GraphBuilder, margin: string, { model, classes }: Classifier): void {
  const { dimension, info } = model;
  checkCount(classes, dimension);
  const labels = labelsOf(graph, margin, classes);
  graph.output("predict", labels.value, { type: labels.type, shape: ["N"] });
  const probabilities =
    info.loss === "MultiClassOneVsAll"
      ? sigmoid(graph, margin, { type: "double" })
      : softmax(graph, margin, "double");
  graph.output("predict_proba", probabilities, { type: "double", shape: ["N", dimension] });
}

/** Which labels a row has, as 0 and 1, and how likely each of them is. */
function writeLabelSets(graph: GraphBuilder, margin: string, { dimension }: CatboostModel): void {
  const zero = graph.constant(scalar("double", 0));
  const isOne = cast(graph, graph.node("Greater", [margin, zero]), "int64");
  graph.output("predict", isOne, { type: "int64", shape: ["N", dimension] });
  const probabilities = sigmoid(graph, margin, { type: "double" });
  graph.output("predict_proba", probabilities, { type: "double", shape: ["N", dimension] });
}

function checkCount(classes: ClassLabels, count: number): void {
  if (classes.length !== count) {
    throw malformed(`it has ${classes.length} class names, expected ${count}`);
  }
}

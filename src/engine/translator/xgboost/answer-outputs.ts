import type { GraphBuilder } from "../../onnx/write/graph-builder.ts";
import { scalar } from "../../onnx/write/graph-tensor.ts";
import { labelsAt, labelsOf } from "../graph/labels.ts";
import { cast, flatten, softmax, withComplement } from "../graph/transforms.ts";
import type { Objective } from "./objectives.ts";
import type { XgboostModel } from "./xgboost-model.ts";

interface Answers {
  readonly model: XgboostModel;
  readonly objective: Objective;
  /** Margins, `[N, outputs]`. */
  readonly sums: string;
}

/** Declares the outputs of a model, as Booster.predict and the methods of XGBClassifier answer. */
export function answerOutputs(graph: GraphBuilder, answers: Answers): void {
  const { model, objective, sums } = answers;
  const shape = model.outputs === 1 ? ["N"] : ["N", model.outputs];
  const margin = model.outputs === 1 ? flatten(graph, sums) : sums;
  const isIndex = objective.answers === "class index";
  const value = objective.answer?.(graph, isIndex ? sums : margin) ?? margin;
  const valueShape = isIndex ? ["N"] : shape;
  const probabilities = probabilitiesOf(graph, answers, value);
  if (model.classes === undefined) {
    graph.output("predict", value, { type: "float", shape: valueShape });
    graph.metadata("modelport.kserve_output", "predict");
  } else {
    const labels = labelsFor(graph, answers, value);
    graph.output("predict", labels.value, { type: labels.type, shape: labels.shape });
    graph.metadata("modelport.classes", JSON.stringify(model.classes));
    // KServe's server answers what the booster does.
    graph.metadata("modelport.kserve_output", probabilities === value ? "predict_proba" : "value");
    if (probabilities !== value) graph.output("value", value, { type: "float", shape: valueShape });
  }
  if (probabilities !== undefined) {
    graph.output("predict_proba", probabilities, {
      type: "float",
      shape: ["N", Math.max(model.outputs, 2)],
    });
  }
  graph.output("margin", margin, { type: "float", shape });
}

/** A column per class or, for several targets, per target. */
function probabilitiesOf(
  graph: GraphBuilder,
  { model, objective, sums }: Answers,
  value: string,
): string | undefined {
  if (objective.answers === "class index") return softmax(graph, sums, "float");
  if (objective.answers === "values" && model.classes === undefined) return undefined;
  return model.outputs > 1 ? value : withComplement(graph, value, "float");
}

/** As XGBClassifier.predict: the most probable class, or which outputs exceed one half. */
function labelsFor(graph: GraphBuilder, { model, objective }: Answers, value: string) {
  const classes = model.classes as string[];
  if (objective.answers === "class index") {
    return { ...labelsAt(graph, cast(graph, value, "int64"), classes), shape: ["N"] };
  }
  if (model.outputs > 1 && !model.hasTargets) {
    return { ...labelsOf(graph, value, classes), shape: ["N"] };
  }
  const isYes = graph.node("Greater", [value, graph.constant(scalar("float", 0.5))]);
  const index = cast(graph, isYes, "int64");
  return {
    ...labelsAt(graph, index, classes),
    shape: model.outputs === 1 ? ["N"] : ["N", model.outputs],
  };
}

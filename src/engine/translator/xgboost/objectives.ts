import { RuntimeError } from "../../../base/errors.ts";
import type { GraphBuilder } from "../../onnx/write/graph-builder.ts";
import { scalar } from "../../onnx/write/graph-tensor.ts";
import { cast, exponential, sigmoid, softmax } from "../graph/transforms.ts";
import { logFloat } from "./log-float.ts";
import { expectiles, sortedQuantiles } from "./ordered-answers.ts";
import type { XgboostModel } from "./xgboost-model.ts";

/** What an objective makes of sums of leaves. */
export interface Objective {
  /** What base scores, which are in the space of answers, are as margins. One per output, in float32. */
  readonly marginsOf: (baseScores: readonly number[]) => readonly number[];
  /** Answers from margins: both `[N, K]`, or `[N, 1]` if K is 1. Undefined: they are the same. */
  readonly answer?: (graph: GraphBuilder, margin: string) => string;
  /** What answers are: numbers, the probability of each output or of the only class, or the class's index, `[N]`. */
  readonly answers: "values" | "probabilities" | "class index";
}

const f = Math.fround;
/** The least that XGBoost lets a probability or a difference be. */
const smallest = f(1e-6);
const same = (scores: readonly number[]) => scores;

const identity: Objective = { marginsOf: same, answers: "values" };
const logistic: Objective = {
  marginsOf: (scores) =>
    scores.map((score) => {
      const inside = Math.min(Math.max(score, smallest), f(1 - smallest));
      return -logFloat(f(f(1 / inside) - 1));
    }),
  answer: (graph, margin) => sigmoid(graph, margin, { type: "float" }),
  answers: "probabilities",
};
const logLink: Objective = {
  marginsOf: (scores) => scores.map(logFloat),
  answer: (graph, margin) => exponential(graph, margin, "float"),
  answers: "values",
};
const probabilities: Objective = {
  marginsOf: same,
  answer: (graph, margin) => softmax(graph, margin, "float"),
  answers: "probabilities",
};
const mostProbable: Objective = {
  marginsOf: same,
  answer: (graph, margin) =>
    cast(
      graph,
      graph.node("ArgMax", [margin], { attributes: { axis: { int: 1 }, keepdims: { int: 0 } } }),
      "float",
    ),
  answers: "class index",
};
const hinge: Objective = {
  marginsOf: same,
  answer: (graph, margin) =>
    cast(graph, graph.node("Greater", [margin, graph.constant(scalar("float", 0))]), "float"),
  answers: "values",
};

const objectives: Readonly<Record<string, Objective>> = {
  "reg:squarederror": identity,
  "reg:linear": identity,
  "reg:squaredlogerror": identity,
  "reg:pseudohubererror": identity,
  "reg:absoluteerror": identity,
  "reg:quantileerror": identity,
  "rank:pairwise": identity,
  "rank:ndcg": identity,
  "rank:map": identity,
  "binary:logitraw": identity,
  "binary:logistic": logistic,
  "reg:logistic": logistic,
  "count:poisson": logLink,
  "reg:gamma": logLink,
  "reg:tweedie": logLink,
  "survival:cox": logLink,
  "survival:aft": logLink,
  "multi:softprob": probabilities,
  "multi:softmax": mostProbable,
  "binary:hinge": hinge,
};

/** The objective of a model. Throws RuntimeError "invalid-argument" for one whose answers are not known. */
export function objectiveOf(model: XgboostModel): Objective {
  const { objective: name, outputs } = model;
  if (name === "reg:quantileerror" && outputs > 1 && isSince(model, [3, 4])) return sortedQuantiles;
  if (name === "reg:expectileerror") {
    return outputs === 1 ? identity : expectiles;
  }
  const objective = Object.hasOwn(objectives, name) ? objectives[name] : undefined;
  if (objective !== undefined) return objective;
  const known = [...Object.keys(objectives), "reg:expectileerror"].join(", ");
  throw new RuntimeError(
    "invalid-argument",
    `this file is an XGBoost model of the objective '${name.slice(0, 60)}', and these are supported: ${known}`,
  );
}

function isSince(
  { version: [major = 0, minor = 0] }: XgboostModel,
  [of, and]: readonly [number, number],
) {
  return major > of || (major === of && minor >= and);
}

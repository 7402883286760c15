import type { GraphBuilder } from "../../onnx/write/graph-builder.ts";
import { scalar } from "../../onnx/write/graph-tensor.ts";
import { exponential, sigmoid, softmax } from "../graph/transforms.ts";
import { malformed, refusal } from "./lightgbm-refusal.ts";
import { doubleOf } from "./number-list.ts";

/** How scores become answers. */
export type OutputTransform =
  | { readonly kind: "identity" }
  /** sign(x) x^2, for targets of which the root was learnt. */
  | { readonly kind: "signed-square" }
  | { readonly kind: "sigmoid"; readonly slope: number }
  | { readonly kind: "exponential" }
  /** log(1 + e^x) */
  | { readonly kind: "softplus" }
  | { readonly kind: "softmax" };

export interface Objective {
  readonly name: string;
  readonly transform: OutputTransform;
  /** What the answers are probabilities of: the second of two classes, or each of several. */
  readonly classes: "none" | "two" | "several";
}

const identity: OutputTransform = { kind: "identity" };

/** The objectives of which the file repeats the flag "sqrt" if it was set. The others never write it. */
const rooted = new Set([
  "regression",
  "regression_l1",
  "fair",
  "quantile",
  "mape",
  "mean_absolute_percentage_error",
]);

/** Objectives whose scores are the answers. */
const plain = new Set(["huber", "lambdarank", "rank_xendcg", "none", "null", "custom", "na"]);

const exponentials = new Set(["poisson", "gamma", "tweedie"]);

/** Of the line "objective=…", such as "binary sigmoid:1". Without that line the objective was the user's own, and
 *  the library answers with the scores. */
export function readObjective(line: string | undefined): Objective {
  if (line === undefined) return { name: "custom", transform: identity, classes: "none" };
  const [name = "", ...flags] = line.trim().split(" ");
  if (rooted.has(name)) {
    const transform: OutputTransform = flags.includes("sqrt")
      ? { kind: "signed-square" }
      : identity;
    return { name, transform, classes: "none" };
  }
  if (plain.has(name)) return { name, transform: identity, classes: "none" };
  if (exponentials.has(name)) {
    return { name, transform: { kind: "exponential" }, classes: "none" };
  }
  switch (name) {
    case "binary":
      return { name, transform: { kind: "sigmoid", slope: slopeOf(flags) }, classes: "two" };
    case "multiclassova":
      return { name, transform: { kind: "sigmoid", slope: slopeOf(flags) }, classes: "several" };
    case "multiclass":
      return { name, transform: { kind: "softmax" }, classes: "several" };
    case "cross_entropy":
    case "xentropy":
      return { name, transform: { kind: "sigmoid", slope: 1 }, classes: "none" };
    case "cross_entropy_lambda":
    case "xentlambda":
      return { name, transform: { kind: "softplus" }, classes: "none" };
    default:
      throw refusal(
        `has the unknown objective ${JSON.stringify(name.slice(0, 60))}, expected one of LightGBM 3.3 to 4.7: ` +
          'to serve raw scores, replace its line "objective=…" by "objective=custom"',
      );
  }
}

/** Adds what makes answers of `scores`, doubles of any shape (`[N, K]` for several classes). */
export function writeTransform(
  graph: GraphBuilder,
  scores: string,
  transform: OutputTransform,
): string {
  switch (transform.kind) {
    case "identity":
      return scores;
    case "signed-square": {
      const sign = graph.node("Sign", [scores]);
      return graph.node("Mul", [graph.node("Mul", [sign, scores]), scores]);
    }
    case "sigmoid":
      return sigmoid(graph, scores, { type: "double", slope: transform.slope });
    case "exponential":
      return exponential(graph, scores, "double");
    case "softplus":
      return softplus(graph, scores);
    case "softmax":
      return softmax(graph, scores, "double");
  }
}

/** log(1 + y) of y = e^x. The sum loses what small y hold; log(u) times y / (u - 1), with u = 1 + y, has it again. */
function softplus(graph: GraphBuilder, x: string): string {
  const one = graph.constant(scalar("double", 1));
  const power = exponential(graph, x, "double");
  const sum = graph.node("Add", [power, one]);
  const share = graph.node("Div", [power, graph.node("Sub", [sum, one])]);
  const exact = graph.node("Mul", [graph.node("Log", [sum]), share]);
  // 0 / 0 if nothing was added, infinity / infinity if the power is beyond all numbers: y itself is right in both.
  const isExact = graph.node("And", [
    graph.node("Greater", [sum, one]),
    graph.node("Less", [sum, graph.constant(scalar("double", Number.POSITIVE_INFINITY))]),
  ]);
  return graph.node("Where", [isExact, exact, power]);
}

function slopeOf(flags: readonly string[]): number {
  const flag = flags.find((word) => word.startsWith("sigmoid:"));
  const slope = flag === undefined ? undefined : doubleOf(flag.slice("sigmoid:".length));
  if (slope === undefined || !(slope > 0) || slope === Number.POSITIVE_INFINITY) {
    throw malformed('its objective has no "sigmoid:" with a positive number, such as sigmoid:1');
  }
  return slope;
}

import type { GraphBuilder } from "../../onnx/write/graph-builder.ts";
import {
  elementTypes,
  type FloatType,
  int64Tensor,
  scalar,
} from "../../onnx/write/graph-tensor.ts";

// Output transforms as the libraries compute them. Arguments and results have the same type. ONNX Runtime's own kernels
// for Exp, Sigmoid and Softmax in float are not exact enough, and its trees ignore some of their transforms.

/** XGBoost's bound on the exponent of a sigmoid. */
const mostExponent = 88.7;

/** expf: e^x = 2^(steps / 32) * 2^(rest / 32), the latter as a polynomial, from the cube on. */
const stepsPerOctave = 32;
const stepsPerUnit = stepsPerOctave * Math.LOG2E;
const powerOfRest = [
  1.6938359250920212e-6, 0.00023459809789509004, 0.021660849396613134, 1,
] as const;

export function cast(graph: GraphBuilder, x: string, type: keyof typeof elementTypes): string {
  return graph.node("Cast", [x], { attributes: { to: { int: elementTypes[type] } } });
}

/** e^x. In float as the C library computes it (glibc since 2.28), which libraries call: one in 1,700 results is not the
 *  nearest float. */
export function exponential(graph: GraphBuilder, x: string, type: FloatType): string {
  if (type === "double") return graph.node("Exp", [x]);
  const number = (value: number) => graph.constant(scalar("double", value));
  const plus = (left: string, right: string) => graph.node("Add", [left, right]);
  const times = (left: string, right: string) => graph.node("Mul", [left, right]);
  // Far outside of what floats can be. Infinity would become NaN below.
  const wide = graph.node("Clip", [cast(graph, x, "double"), number(-1000), number(1000)]);
  const scaled = times(wide, number(stepsPerUnit));
  const steps = graph.node("Round", [scaled]);
  const rest = graph.node("Sub", [scaled, steps]);
  const power = powerOfRest.reduce(
    (sum, coefficient) =>
      sum === "" ? number(coefficient) : plus(times(sum, rest), number(coefficient)),
    "",
  );
  const wholeSteps = graph.node("Pow", [number(2), times(steps, number(1 / stepsPerOctave))]);
  return cast(graph, times(power, wholeSteps), "float");
}

/** 1 / (1 + e^(-slope x)). In float as XGBoost computes it: 1 / (e^min(-x, 88.7) + 1). */
export function sigmoid(
  graph: GraphBuilder,
  x: string,
  { type, slope = 1 }: { readonly type: FloatType; readonly slope?: number },
): string {
  let exponent =
    slope === 1
      ? graph.node("Neg", [x])
      : graph.node("Mul", [x, graph.constant(scalar(type, -slope))]);
  if (type === "float") {
    exponent = graph.node("Min", [exponent, graph.constant(scalar(type, mostExponent))]);
  }
  const one = graph.constant(scalar(type, 1));
  return graph.node("Div", [one, graph.node("Add", [exponential(graph, exponent, type), one])]);
}

/** Of each row of `[N, K]`. Float: powers are rounded, their sum is in double, as XGBoost computes it. */
export function softmax(graph: GraphBuilder, x: string, type: FloatType): string {
  const axis = graph.constant(int64Tensor([1]));
  const powers = exponential(
    graph,
    graph.node("Sub", [x, graph.node("ReduceMax", [x, axis])]),
    type,
  );
  const wide = type === "float" ? cast(graph, powers, "double") : powers;
  const sum = graph.node("ReduceSum", [wide, axis]);
  return graph.node("Div", [powers, type === "float" ? cast(graph, sum, "float") : sum]);
}

/** `[N, 1]` -> `[N]`. */
export function flatten(graph: GraphBuilder, x: string): string {
  return graph.node("Reshape", [x, graph.constant(int64Tensor([-1]))]);
}

/** p as `[N]` or `[N, 1]` -> `[1 - p, p]`, as `[N, 2]`. */
export function withComplement(graph: GraphBuilder, p: string, type: FloatType): string {
  const column = graph.node("Reshape", [p, graph.constant(int64Tensor([-1, 1]))]);
  const other = graph.node("Sub", [graph.constant(scalar(type, 1)), column]);
  return graph.node("Concat", [other, column], { attributes: { axis: { int: 1 } } });
}

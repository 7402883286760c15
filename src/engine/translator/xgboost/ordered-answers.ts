import type { GraphBuilder } from "../../onnx/write/graph-builder.ts";
import { int64Tensor, scalar } from "../../onnx/write/graph-tensor.ts";
import { cast, exponential } from "../graph/transforms.ts";
import { logFloat } from "./log-float.ts";
import type { Objective } from "./objectives.ts";

// Objectives of several levels, whose answers ascend: `[N, K]`.

const f = Math.fround;
/** The least difference of two expectiles. */
const smallest = f(1e-6);

/** Quantiles. Since 3.4, those that cross are put in order. */
export const sortedQuantiles: Objective = {
  marginsOf: (scores) => scores,
  answer: (graph, margin) => {
    const shape = graph.node("Shape", [margin]);
    const count = graph.node("Gather", [shape, graph.constant(int64Tensor([1]))]);
    const [sorted = ""] = graph.nodes("TopK", [margin, count], {
      outputs: 2,
      attributes: { axis: { int: 1 }, largest: { int: 0 }, sorted: { int: 1 } },
    });
    return sorted;
  },
  answers: "values",
};

/** Expectiles: the first one is as it is, each further one is the one before, plus log(1 + e^x) + 1e-6. */
export const expectiles: Objective = {
  marginsOf: (scores) =>
    scores.map((score, at) => {
      if (at === 0) return score;
      const gap = Math.max(f(f(score - (scores[at - 1] as number)) - smallest), smallest);
      return f(gap + logFloat(-f(Math.expm1(-gap))));
    }),
  answer: (graph, margin) => {
    const step = graph.node("Add", [
      softPlus(graph, margin),
      graph.constant(scalar("float", smallest)),
    ]);
    const columns = (x: string, start: number, end: number) =>
      graph.node("Slice", [x, ...[start, end, 1].map((at) => graph.constant(int64Tensor([at])))]);
    const parts = [columns(margin, 0, 1), columns(step, 1, Number.MAX_SAFE_INTEGER)];
    const gaps = graph.node("Concat", parts, { attributes: { axis: { int: 1 } } });
    return graph.node("CumSum", [gaps, graph.constant(int64Tensor([1], []))]);
  },
  answers: "values",
};

/** max(x, 0) + log1p(e^-|x|), each rounded to float. */
function softPlus(graph: GraphBuilder, x: string): string {
  const power = exponential(graph, graph.node("Neg", [graph.node("Abs", [x])]), "float");
  const zero = graph.constant(scalar("float", 0));
  const logarithm = cast(graph, logOnePlus(graph, cast(graph, power, "double")), "float");
  return graph.node("Add", [graph.node("Max", [x, zero]), logarithm]);
}

/** log(1 + y) for y from 0 to 1, in double, exact enough for float. 1 + y would lose what a small y is. */
function logOnePlus(graph: GraphBuilder, y: string): string {
  const number = (value: number) => graph.constant(scalar("double", value));
  const half = graph.node("Mul", [graph.node("Mul", [y, y]), number(0.5)]);
  const small = graph.node("Sub", [y, half]);
  const large = graph.node("Log", [graph.node("Add", [y, number(1)])]);
  return graph.node("Where", [graph.node("Less", [y, number(1e-5)]), small, large]);
}

import type { GraphBuilder } from "../../onnx/write/graph-builder.ts";
import { floatTensor, int64Tensor, scalar } from "../../onnx/write/graph-tensor.ts";
import { checkColumns } from "../graph/check-columns.ts";
import type { Numbers } from "./document.ts";
import { malformed, what } from "./malformed.ts";

export interface LinearModel {
  readonly features: number;
  readonly outputs: number;
  /** A weight for each feature and output, and then a bias for each output. */
  readonly weights: Numbers;
  /** What sums start from. XGBoost takes the first one for all outputs. */
  readonly margins: readonly number[];
}

/** Sums of the linear booster for `input`, `[N, features]`: `[N, outputs]`. Not a product of matrices: XGBoost adds in float32,
 *  feature by feature, and leaves out what is missing. */
export function linearSums(
  graph: GraphBuilder,
  input: string,
  { features, outputs, weights, margins }: LinearModel,
): string {
  checkColumns(what, features);
  const values = Float32Array.from(weights).subarray(0, (features + 1) * outputs);
  if (!values.every(Number.isFinite)) throw malformed("a weight is not a finite number");
  const shape = [1, features, outputs];
  const starts = new Float32Array(features * outputs);
  for (let output = 0; output < outputs; output++) {
    starts[output] = (values[features * outputs + output] as number) + (margins[0] as number);
  }
  const cells = graph.node("Unsqueeze", [input, graph.constant(int64Tensor([2]))]);
  const factors = graph.constant(
    floatTensor("float", values.subarray(0, features * outputs), shape),
  );
  const terms = graph.node("Where", [
    graph.node("IsNaN", [cells]),
    graph.constant(scalar("float", 0)),
    graph.node("Mul", [cells, factors]),
  ]);
  // The first term is added to what the sum starts from.
  const started = graph.node("Add", [terms, graph.constant(floatTensor("float", starts, shape))]);
  const sums = graph.node("CumSum", [started, graph.constant(int64Tensor([1], []))]);
  return graph.node("Gather", [sums, graph.constant(int64Tensor([features - 1], []))], {
    attributes: { axis: { int: 1 } },
  });
}

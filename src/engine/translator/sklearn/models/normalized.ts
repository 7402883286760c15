import { int64Tensor, scalar } from "../../../onnx/write/graph-tensor.ts";
import type { Translating } from "../estimator/translating.ts";

/** Rows of `[N, columns]` divided by their sums. A row of zeros becomes one of equal parts. */
export function normalized({ graph }: Translating, values: string, columns: number): string {
  const axis = graph.constant(int64Tensor([1]));
  const sum = graph.node("ReduceSum", [values, axis], { attributes: { keepdims: { int: 1 } } });
  const isZero = graph.node("Equal", [sum, graph.constant(scalar("double", 0))]);
  const equal = graph.constant(scalar("double", 1 / columns));
  return graph.node("Where", [isZero, equal, graph.node("Div", [values, sum])]);
}

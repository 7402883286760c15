import type { GraphBuilder } from "../../../onnx/write/graph-builder.ts";
import { floatTensor } from "../../../onnx/write/graph-tensor.ts";

/** Numbers in row-major order. */
interface Matrix {
  readonly values: ArrayLike<number>;
  readonly rows: number;
  readonly columns: number;
}

/** `x` of shape `[N, rows]` times a matrix, in double. Without MatMul if it has one row: ONNX Runtime makes a factor of one
 *  element beside a MatMul, such as the scale of an only column, part of it, as an attribute, which is float32. */
export function matrixProduct(graph: GraphBuilder, x: string, matrix: Matrix): string {
  const { values, rows, columns } = matrix;
  const factor = graph.constant(floatTensor("double", values, [rows, columns]));
  return graph.node(rows === 1 ? "Mul" : "MatMul", [x, factor]);
}

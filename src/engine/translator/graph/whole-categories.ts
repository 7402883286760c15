import type { GraphBuilder } from "../../onnx/write/graph-builder.ts";
import { boolTensor, type FloatType, floatTensor, scalar } from "../../onnx/write/graph-tensor.ts";

export interface CategoryColumns {
  readonly type: FloatType;
  /** Columns of the input, of any kind. */
  readonly columns: number;
  /** Column of categories -> how many there are. */
  readonly sizes: ReadonlyMap<number, number>;
  /** What values between -1 and 0 are: code 0, as truncated towards zero, or no category. */
  readonly belowZero: "zero" | "none";
}

/** The input `[N, columns]` with codes of categories made whole: truncated towards zero, and `size` instead of what is not
 *  one of `0 … size - 1`. NaN stays. Sets would otherwise contain parts of their members. */
export function wholeCategories(
  graph: GraphBuilder,
  x: string,
  { type, columns, sizes, belowZero }: CategoryColumns,
): string {
  if (sizes.size === 0) return x;
  const all = Array.from({ length: columns }, (_, column) => sizes.get(column));
  const isCategory = graph.constant(
    boolTensor(
      all.map((size) => size !== undefined),
      [1, columns],
    ),
  );
  const size = graph.constant(
    floatTensor(
      type,
      all.map((count) => count ?? 0),
      [1, columns],
    ),
  );
  const lowest = graph.constant(scalar(type, belowZero === "zero" ? -1 : 0));
  const isCode = graph.node("And", [
    graph.node(belowZero === "zero" ? "Greater" : "GreaterOrEqual", [x, lowest]),
    graph.node("Less", [x, size]),
  ]);
  const floor = graph.node("Floor", [x]);
  const code =
    belowZero === "zero" ? graph.node("Max", [floor, graph.constant(scalar(type, 0))]) : floor;
  const isMissing = graph.node("IsNaN", [x]);
  const whole = graph.node("Where", [isCode, code, graph.node("Where", [isMissing, x, size])]);
  return graph.node("Where", [isCategory, whole, x]);
}

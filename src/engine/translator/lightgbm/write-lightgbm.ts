import type { GraphBuilder } from "../../onnx/write/graph-builder.ts";
import { boolTensor, scalar } from "../../onnx/write/graph-tensor.ts";
import { ForestBuilder } from "../graph/forest-builder.ts";
import { wholeCategories } from "../graph/whole-categories.ts";
import { columnUses } from "./column-uses.ts";
import type { LightgbmModel } from "./lightgbm-model.ts";
import { what } from "./lightgbm-refusal.ts";
import { writeTransform } from "./objective.ts";
import { treeOf } from "./tree-of.ts";
import { zeroThreshold } from "./zero-threshold.ts";

/** Values of a graph, doubles of shape `[N, outputs]`. */
export interface LightgbmValues {
  /** Raw scores. */
  readonly margin: string;
  /** What Booster.predict answers. */
  readonly answer: string;
  readonly splits: number;
}

/** Adds the model's computations on `x`, doubles of shape `[N, columns]`. Throws RuntimeError "invalid-argument" for
 *  trees that are none, and for too many of them. */
export function writeLightgbm(
  graph: GraphBuilder,
  x: string,
  { model, maxSplits }: { readonly model: LightgbmModel; readonly maxSplits: number },
): LightgbmValues {
  const { columns, outputs, trees } = model;
  const { zeroMissing, categories } = columnUses(model);
  const forest = new ForestBuilder({
    what,
    type: "double",
    columns,
    targets: outputs,
    maxSplits,
    categories,
  });
  for (const [number, tree] of trees.entries()) {
    const name = `tree ${number}`;
    forest.addTree(treeOf(tree, { name, target: number % outputs }), name);
  }
  const whole = wholeCategories(graph, x, {
    type: "double",
    columns,
    sizes: categories,
    belowZero: "zero",
  });
  const margin = forest.emit(graph, withoutZeros(graph, whole, { columns, zeroMissing }));
  const scores = model.averages
    ? graph.node("Div", [margin, graph.constant(scalar("double", trees.length / outputs))])
    : margin;
  const answer = writeTransform(graph, scores, model.objective.transform);
  return { margin, answer, splits: forest.splits };
}

/** `x` with NaN instead of what is nearly 0, in the columns where that is missing. */
function withoutZeros(
  graph: GraphBuilder,
  x: string,
  { columns, zeroMissing }: { readonly columns: number; readonly zeroMissing: ReadonlySet<number> },
): string {
  if (zeroMissing.size === 0) return x;
  const mask = Array.from({ length: columns }, (_, column) => zeroMissing.has(column));
  const isZero = graph.node("LessOrEqual", [
    graph.node("Abs", [x]),
    graph.constant(scalar("double", zeroThreshold)),
  ]);
  const isMissing = graph.node("And", [isZero, graph.constant(boolTensor(mask, [1, columns]))]);
  return graph.node("Where", [isMissing, graph.constant(scalar("double", Number.NaN)), x]);
}

import type { GraphBuilder } from "../../onnx/write/graph-builder.ts";
import { ForestBuilder } from "../graph/forest-builder.ts";
import type { Tree } from "../graph/tree.ts";
import { wholeCategories } from "../graph/whole-categories.ts";
import type { TranslationOptions } from "../translation.ts";
import { categoryCounts } from "./category-counts.ts";
import type { Fields } from "./fields.ts";
import { linearSums } from "./linear-sums.ts";
import { malformed, what } from "./malformed.ts";
import { type Objective, objectiveOf } from "./objectives.ts";
import type { XgboostModel } from "./xgboost-model.ts";
import { readTree } from "./xgboost-tree.ts";

/** What the trees of a model, or its weights, make of columns. */
export interface XgboostSums {
  readonly objective: Objective;
  /** Margins, float32 `[N, outputs]`. */
  readonly sums: string;
  readonly splits: number;
}

/** Adds the model's trees, or weights, on `input`, float32 of shape `[N, features]`. Throws RuntimeError "invalid-argument" for trees
 *  that are none, and for too many of them. */
export function writeXgboost(
  graph: GraphBuilder,
  input: string,
  options: TranslationOptions & { readonly model: XgboostModel },
): XgboostSums {
  const { model, maxSplits, rounds = "best" } = options;
  const objective = objectiveOf(model);
  const margins = objective.marginsOf(model.baseScores);
  if (model.linear !== undefined) {
    const sums = linearSums(graph, input, { ...model, weights: model.linear, margins });
    return { objective, sums, splits: 0 };
  }
  const treeCount = rounds === "best" ? model.bestTrees : model.trees.length;
  const trees = function* (): Iterable<Tree> {
    for (let at = 0; at < treeCount; at++) {
      const output = model.treeOutputs[at] as number;
      if (!(Number.isInteger(output) && output >= 0 && output < model.outputs)) {
        throw malformed(`tree ${at} adds to output ${output} of ${model.outputs}`);
      }
      const weight = model.weights?.[at] ?? 1;
      yield readTree(model.trees[at] as Fields, { output, outputs: model.outputs, weight });
    }
  };

  const hasCategories = model.trees.some(
    (tree) => tree.has("categories_nodes") && tree.numbers("categories_nodes").length > 0,
  );
  const categories = hasCategories ? categoryCounts(trees()) : new Map<number, number>();
  const forest = new ForestBuilder({
    what,
    type: "float",
    columns: model.features,
    targets: model.outputs,
    maxSplits,
    categories,
  });
  // XGBoost's sums start from the base score.
  for (const [output, margin] of margins.entries()) {
    forest.addConstant(output, margin);
  }
  let number = 0;
  for (const tree of trees()) forest.addTree(tree, `tree ${number++}`);

  const prepared = wholeCategories(graph, input, {
    type: "float",
    columns: model.features,
    sizes: categories,
    belowZero: "none",
  });
  return { objective, sums: forest.emit(graph, prepared), splits: forest.splits };
}

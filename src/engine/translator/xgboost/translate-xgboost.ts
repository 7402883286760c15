import { RuntimeError } from "../../../base/errors.ts";
import { ForestBuilder } from "../graph/forest-builder.ts";
import { GraphBuilder } from "../graph/graph-builder.ts";
import type { Tree } from "../graph/tree.ts";
import { wholeCategories } from "../graph/whole-categories.ts";
import type { Translate } from "../translation.ts";
import { answerOutputs } from "./answer-outputs.ts";
import { categoryCounts } from "./category-counts.ts";
import type { DocumentObject } from "./document.ts";
import { Fields } from "./fields.ts";
import { objectiveOf } from "./objectives.ts";
import { readJson } from "./read-json.ts";
import { readUbjson } from "./read-ubjson.ts";
import { xgboostKind } from "./xgboost-look.ts";
import { readXgboostModel } from "./xgboost-model.ts";
import { readTree } from "./xgboost-tree.ts";

const what = "XGBoost model";
const mostJsonBytes = 512 * 1024 * 1024;
/** Statistics of the training, which take a good part of each file. */
const skip = new Set(["loss_changes", "sum_hessian", "parents"]);

/** XGBoost's JSON and UBJSON, of versions 1.3 to 3.x: gbtree and dart, one sum per row or several, one value per leaf or
 *  several, numbers and categories. Input `input`, float32 `[N, features]`. Outputs: `predict`, `margin`, and `predict_proba` of
 *  classifying objectives. Files of XGBClassifier answer labels in `predict`; `value` is then what the booster answers. */
export const translateXgboost: Translate = (file, { maxSplits, rounds = "best" }) => {
  const model = readXgboostModel(new Fields(documentOf(file), ""));
  const objective = objectiveOf(model);
  const treeCount = rounds === "best" ? model.bestTrees : model.trees.length;
  const trees = function* (): Iterable<Tree> {
    for (let at = 0; at < treeCount; at++) {
      const output = model.treeOutputs[at] as number;
      if (!(output >= 0 && output < model.outputs)) {
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
  for (const [output, margin] of objective.marginsOf(model.baseScores).entries()) {
    forest.addConstant(output, margin);
  }
  let number = 0;
  for (const tree of trees()) forest.addTree(tree, `tree ${number++}`);

  const graph = new GraphBuilder();
  const input = graph.input("input", "float", ["N", model.features]);
  const prepared = wholeCategories(graph, input, {
    type: "float",
    columns: model.features,
    sizes: categories,
    belowZero: "none",
  });
  answerOutputs(graph, { model, objective, sums: forest.emit(graph, prepared) });
  graph.metadata("modelport.format", "xgboost");
  if (model.version.length > 0) graph.metadata("modelport.library", model.version.join("."));
  if (model.featureNames !== undefined) {
    graph.metadata("modelport.features", JSON.stringify(model.featureNames));
  }
  return { onnx: graph.finish(), splits: forest.splits };
};

function documentOf(file: Uint8Array): DocumentObject {
  const kind = xgboostKind(file.subarray(0, 65_536));
  if (kind === "binary") {
    throw new RuntimeError(
      "invalid-argument",
      "this file is an XGBoost model in the binary format that XGBoost 3.1 removed: load it with XGBoost 1.6 to 3.0 and save it as .json or .ubj",
    );
  }
  if (kind === "json" && file.byteLength > mostJsonBytes) {
    throw new RuntimeError(
      "invalid-argument",
      `this XGBoost model is JSON of ${file.byteLength} bytes, and at most ${mostJsonBytes} are read: save it as .ubj`,
    );
  }
  const value = kind === "ubjson" ? readUbjson(file, { skip }) : readJson(file, { skip });
  if (value instanceof Map) return value as DocumentObject;
  throw malformed("it is not an object");
}

function malformed(problem: string): RuntimeError {
  return new RuntimeError(
    "invalid-argument",
    `this ${what} is malformed: ${problem}; save the model again with save_model`,
  );
}

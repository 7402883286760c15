import { GraphBuilder } from "../../onnx/write/graph-builder.ts";
import type { Translate } from "../translation.ts";
import { answerOutputs } from "./answer-outputs.ts";
import { readXgboost } from "./read-xgboost.ts";
import { writeXgboost } from "./write-xgboost.ts";

/** XGBoost's JSON and UBJSON, of versions 1.3 to 3.x: gbtree, dart and gblinear, one sum per row or several, one value per leaf or
 *  several, numbers and categories. Input `input`, float32 `[N, features]`. Outputs: `predict`, `margin`, and `predict_proba` of
 *  classifying objectives. Files of XGBClassifier answer labels in `predict`; `value` is then what the booster answers. */
export const translateXgboost: Translate = (file, options) => {
  const model = readXgboost(file);
  const graph = new GraphBuilder();
  const input = graph.input("input", "float", ["N", model.features]);
  const { objective, sums, splits } = writeXgboost(graph, input, { ...options, model });
  answerOutputs(graph, { model, objective, sums });
  graph.metadata("modelport.format", "xgboost");
  if (model.version.length > 0) graph.metadata("modelport.library", model.version.join("."));
  if (model.featureNames !== undefined) {
    graph.metadata("modelport.features", JSON.stringify(model.featureNames));
  }
  return { onnx: graph.finish(), splits };
};

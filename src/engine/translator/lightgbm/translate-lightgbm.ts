import { GraphBuilder } from "../../onnx/write/graph-builder.ts";
import { flatten, withComplement } from "../graph/transforms.ts";
import type { Translate } from "../translation.ts";
import type { LightgbmModel } from "./lightgbm-model.ts";
import { readLightgbm } from "./read-lightgbm.ts";
import { writeLightgbm } from "./write-lightgbm.ts";

/** A model in the text form of LightGBM. Outputs in double: `predict` as Booster.predict answers it and `margin` as with
 *  raw_score, both `[N]`, or `[N, K]` for several trees per round; `predict_proba`, `[N, K]`, if there are classes. Such a
 *  file holds the rounds up to the best one only, so `rounds` changes nothing. */
export const translateLightgbm: Translate = (file, { maxSplits }) => {
  const model = readLightgbm(file);
  const { columns, objective, outputs } = model;
  const graph = new GraphBuilder();
  const x = graph.input("input", "double", ["N", columns]);
  const { margin, answer, splits } = writeLightgbm(graph, x, { model, maxSplits });
  const shape = outputs === 1 ? ["N"] : ["N", outputs];
  const shaped = (value: string) => (outputs === 1 ? flatten(graph, value) : value);
  graph.output("predict", shaped(answer), { type: "double", shape });
  if (objective.classes === "two") {
    graph.output("predict_proba", withComplement(graph, answer, "double"), {
      type: "double",
      shape: ["N", 2],
    });
  } else if (objective.classes === "several") {
    graph.output("predict_proba", graph.node("Identity", [answer]), { type: "double", shape });
  }
  graph.output("margin", shaped(margin), { type: "double", shape });
  writeMetadata(graph, model);
  return { onnx: graph.finish(), splits };
};

function writeMetadata(graph: GraphBuilder, model: LightgbmModel): void {
  const { featureNames, pandasCategories, version } = model;
  graph.metadata("modelport.format", "lightgbm");
  graph.metadata("modelport.library", `LightGBM (${version})`);
  if (new Set(featureNames).size === featureNames.length) {
    graph.metadata("modelport.features", JSON.stringify(featureNames));
  }
  if (pandasCategories.size > 0) {
    const named = Array.from(pandasCategories, ([column, values]) => [
      featureNames[column],
      values,
    ]);
    graph.metadata("modelport.categories", JSON.stringify(Object.fromEntries(named)));
  }
  graph.metadata("modelport.kserve_output", "predict");
}

import { GraphBuilder } from "../../onnx/write/graph-builder.ts";
import { floatTensor, scalar } from "../../onnx/write/graph-tensor.ts";
import { ForestBuilder } from "../graph/forest-builder.ts";
import { cast } from "../graph/transforms.ts";
import type { Translate } from "../translation.ts";
import { writeAnswers } from "./answers.ts";
import type { CatboostModel } from "./catboost-model.ts";
import { malformed, refusal, what } from "./catboost-refusal.ts";
import { readCbm } from "./read-cbm.ts";
import { readJson } from "./read-json.ts";
import { splitsOf } from "./splits.ts";
import { treeOf } from "./tree-of.ts";

/** A model of CatBoost with numeric features, as `.cbm` or JSON. Input in float, as the library compares; outputs in double,
 *  as it sums: `margin`, raw scores; `predict`, the labels of a classifier, otherwise the values; `predict_proba` of a
 *  classifier. Such a file holds the rounds up to the best one only, so `rounds` changes nothing. */
export const translateCatboost: Translate = (file, { maxSplits }) => {
  const model = readModel(file);
  check(model);
  const graph = new GraphBuilder();
  const x = graph.input("input", "float", ["N", model.columns]);
  const forest = buildForest(model, maxSplits);
  const sums = forest.emit(graph, cast(graph, x, "double"));
  writeAnswers(graph, scaled(graph, sums, model), model);
  writeMetadata(graph, model);
  return { onnx: graph.finish(), splits: forest.splits };
};

function readModel(file: Uint8Array): CatboostModel {
  const head = Buffer.from(file.subarray(0, 64)).toString("latin1");
  if (head.startsWith("CBM1")) return readCbm(file);
  if (/^\s*\{/.test(head)) return readJson(file);
  throw refusal('is malformed: it begins neither with "CBM1" nor with "{"; copy it again');
}

function check({ trees, dimension, scale, bias }: CatboostModel): void {
  if (trees.length === 0) throw refusal("has no trees: train it for at least one iteration");
  if (!Number.isInteger(dimension) || dimension < 1) {
    throw malformed(`its leaves have ${dimension} values`);
  }
  for (const [number, tree] of trees.entries()) {
    const leaves = tree.kind === "symmetric" ? 2 ** tree.splits.length : tree.split.length;
    if (tree.values.length !== leaves * dimension) {
      throw malformed(
        `tree ${number} has ${tree.values.length} leaf values, expected ${leaves * dimension}`,
      );
    }
  }
  if (bias.length !== 1 && bias.length !== dimension) {
    throw malformed(`its bias has ${bias.length} numbers for ${dimension} scores`);
  }
  if (![scale, ...bias].every(Number.isFinite)) throw malformed("its scale or bias is not finite");
}

function buildForest(model: CatboostModel, maxSplits: number): ForestBuilder {
  const { columns, dimension, trees } = model;
  const forest = new ForestBuilder({
    what,
    type: "double",
    columns,
    targets: dimension,
    maxSplits,
  });
  const splits = splitsOf(model);
  for (const [number, tree] of trees.entries()) {
    const name = `tree ${number}`;
    forest.addTree(treeOf(tree, { model, splits, name, maxSplits }), name);
  }
  return forest;
}

function scaled(graph: GraphBuilder, sums: string, { scale, bias }: CatboostModel): string {
  if (scale === 1 && bias.every((each) => each === 0)) return sums;
  const product =
    scale === 1 ? sums : graph.node("Mul", [sums, graph.constant(scalar("double", scale))]);
  return graph.node("Add", [product, graph.constant(floatTensor("double", bias))]);
}

function writeMetadata(graph: GraphBuilder, model: CatboostModel): void {
  graph.metadata("modelport.format", "catboost");
  graph.metadata(
    "modelport.library",
    model.version === "" ? "CatBoost" : `CatBoost ${model.version}`,
  );
  const names = new Map(model.features.map(({ column, name }) => [column, name]));
  const inOrder = Array.from({ length: model.columns }, (_, column) => names.get(column) ?? "");
  if (!inOrder.includes("") && new Set(inOrder).size === inOrder.length) {
    graph.metadata("modelport.features", JSON.stringify(inOrder));
  }
  if (model.info.classes !== undefined) {
    graph.metadata("modelport.classes", JSON.stringify(model.info.classes));
  }
  graph.metadata("modelport.kserve_output", "predict");
}

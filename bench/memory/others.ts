import type { OnnxGraph, OnnxNode } from "../../test/support/models/onnx-builder.ts";
import { constant } from "../../test/support/models/onnx-builder.ts";
import { node } from "../../test/support/onnx/short-graph.ts";
import { type KindGraph, kind, list, type MemoryKind, scalar, weights } from "./kind.ts";

/** Trees, subgraphs, neighbours, and what multiplies its input. */
export const otherKinds: readonly MemoryKind[] = [
  kind("tiny, 100 bytes", 300, () => ({
    inputs: { x: ["batch", 4] },
    nodes: [node("y = Add(x, one)")],
    constants: [scalar("one", 1)],
  })),
  kind("random forest, 100 trees", 2, () => trees(100, 9)),
  kind("gradient boosting, 300 trees", 6, () => trees(300, 4)),
  kind("If with weights in both branches", 2, branches),
  kind("Loop with weights inside", 4, loop),
  kind("Expand to 8 MiB a row", 1, () => ({
    inputs: { x: ["batch", 1, 256] },
    nodes: [
      node("e = Expand(x, shape)"),
      node("r = Relu(e)"),
      node("y = ReduceMean(r)", { axes: [1] }),
    ],
    constants: [list("shape", [1, 8192, 256])],
  })),
  kind("nearest of 3,000 neighbours", 40, neighbours),
  kind("outer product", 60, () => ({
    inputs: { x: ["batch", 256] },
    nodes: [
      node("a = Unsqueeze(x, one)"),
      node("b = Unsqueeze(x, two)"),
      node("p = Mul(a, b)"),
      node("y = ReduceSum(p, one)", { keepdims: 0 }),
    ],
    constants: [list("one", [1]), list("two", [2])],
  })),
  kind("best of 50,000 scores", 2, () => ({
    inputs: { x: ["batch", 64] },
    nodes: [node("s = MatMul(x, items)"), node("y, at = TopK(s, k)", { axis: 1 })],
    constants: [weights("items", [64, 50_000]), list("k", [10])],
    outputs: ["y", "at"],
  })),
  kind("counts of words", 30, () => ({
    inputs: { x: ["batch", 64] },
    datatype: "INT64",
    nodes: [
      node("y = TfIdfVectorizer(x)", {
        mode: "TF",
        min_gram_length: 1,
        max_gram_length: 1,
        max_skip_count: 0,
        ngram_counts: [0],
        ngram_indexes: Array.from({ length: 5_000 }, (_, at) => at),
        pool_int64s: Array.from({ length: 5_000 }, (_, at) => at),
      }),
    ],
  })),
];

/** Regression trees that are full to `depth`. */
function trees(count: number, depth: number): KindGraph {
  const lists = {
    nodes_treeids: [] as number[],
    nodes_nodeids: [] as number[],
    nodes_featureids: [] as number[],
    nodes_truenodeids: [] as number[],
    nodes_falsenodeids: [] as number[],
    target_treeids: [] as number[],
    target_nodeids: [] as number[],
    target_ids: [] as number[],
  };
  const modes: string[] = [];
  const values: number[] = [];
  const leaves: number[] = [];
  const inner = 2 ** depth - 1;
  for (let tree = 0; tree < count; tree++) {
    for (let at = 0; at < 2 * inner + 1; at++) {
      const isLeaf = at >= inner;
      lists.nodes_treeids.push(tree);
      lists.nodes_nodeids.push(at);
      lists.nodes_featureids.push(isLeaf ? 0 : (7 * at + tree) % 32);
      lists.nodes_truenodeids.push(isLeaf ? 0 : 2 * at + 1);
      lists.nodes_falsenodeids.push(isLeaf ? 0 : 2 * at + 2);
      modes.push(isLeaf ? "LEAF" : "BRANCH_LEQ");
      values.push(isLeaf ? 0 : ((13 * at + 5 * tree) % 101) / 50 - 1);
      if (!isLeaf) continue;
      lists.target_treeids.push(tree);
      lists.target_nodeids.push(at);
      lists.target_ids.push(0);
      leaves.push((at % 17) / 16);
    }
  }
  return {
    inputs: { x: ["batch", 32] },
    nodes: [
      node("y = ai.onnx.ml:TreeEnsembleRegressor(x)", {
        ...lists,
        n_targets: 1,
        nodes_modes: { texts: modes },
        nodes_values: { floats: values },
        target_weights: { floats: leaves },
      }),
    ],
  };
}

function branches(): KindGraph {
  const branch = (name: string): OnnxGraph => ({
    inputs: [],
    outputs: [{ name: `${name}Out`, datatype: "FP32", shape: ["batch", 1448] }],
    nodes: [node(`${name}Out = MatMul(x, ${name}W)`)],
    constants: [weights(`${name}W`, [1448, 1448])],
  });
  return {
    inputs: { x: ["batch", 1448] },
    nodes: [
      node("sum = ReduceSum(x)", { keepdims: 0 }),
      node("isBig = Greater(sum, zero)"),
      node("y = If(isBig)", {
        then_branch: { graph: branch("then") },
        else_branch: { graph: branch("else") },
      }),
    ],
    constants: [scalar("zero", 0)],
  };
}

function loop(): KindGraph {
  const flag = { datatype: "BOOL", shape: [] } as const;
  const body: OnnxGraph = {
    inputs: [
      { name: "iteration", datatype: "INT64", shape: [] },
      { name: "goOn", ...flag },
      { name: "before", datatype: "FP32", shape: ["batch", 1024] },
    ],
    outputs: [
      { name: "goOnStill", ...flag },
      { name: "after", datatype: "FP32", shape: ["batch", 1024] },
    ],
    nodes: [
      node("goOnStill = Identity(goOn)"),
      node("p = MatMul(before, w)"),
      node("after = Tanh(p)"),
    ],
    constants: [weights("w", [1024, 1024])],
  };
  const nodes: OnnxNode[] = [node("y = Loop(count, , x)", { body: { graph: body } })];
  return {
    inputs: { x: ["batch", 1024] },
    nodes,
    constants: [constant("count", "INT64", [], [4])],
  };
}

/** Distances to all points by differences, as scikit-learn's exporter writes them. */
function neighbours(): KindGraph {
  return {
    inputs: { x: ["batch", 32] },
    nodes: [
      node("a = Unsqueeze(x, one)"),
      node("d = Sub(a, points)"),
      node("s = Mul(d, d)"),
      node("t = ReduceSum(s, two)", { keepdims: 0 }),
      node("y, at = TopK(t, k)", { axis: 1, largest: 0 }),
    ],
    constants: [
      weights("points", [1, 3_000, 32], { fanIn: 32 }),
      list("one", [1]),
      list("two", [2]),
      list("k", [5]),
    ],
    outputs: ["y", "at"],
  };
}

import type { Tree } from "../../graph/tree.ts";
import { splitMode } from "../../graph/tree.ts";
import { fieldDoubles, fieldOf, toDoubles } from "../../pickle/array-elements.ts";
import { NumpyArray } from "../../pickle/numpy-array.ts";
import { PythonObject } from "../../pickle/python-value.ts";
import type { Estimator } from "../estimator/estimator.ts";

/** The nodes of a decision tree, and what they answer. */
export interface TreeArrays {
  readonly nodeCount: number;
  readonly feature: Int32Array;
  readonly threshold: Float64Array;
  /** Negative for a leaf. */
  readonly left: Int32Array;
  readonly right: Int32Array;
  readonly missingGoesLeft: Uint8Array;
  /** Nodes that lead categories to the left -> which ones, ascending. All others compare with their threshold. */
  readonly leftCategories?: ReadonlyMap<number, readonly number[]>;
  /** Number k of node n: `values[n * width + k]`. */
  readonly values: Float64Array;
  /** Outputs times classes. */
  readonly width: number;
}

/** Reads `tree_` of a decision tree. */
export function readTree(estimator: Estimator): TreeArrays {
  const tree = estimator.value("tree_");
  if (!(tree instanceof PythonObject))
    return estimator.wrong("tree_", "is missing: was it fitted?");
  const nodes = tree.attribute("nodes");
  const values = tree.attribute("values");
  const what = estimator.called("tree_");
  if (!(nodes instanceof NumpyArray && values instanceof NumpyArray)) {
    return estimator.wrong("tree_", "has no nodes");
  }
  const nodeCount = nodes.size;
  if (values.shape[0] !== nodeCount || nodeCount === 0) {
    return estimator.wrong("tree_", `has ${nodeCount} nodes and ${values.shape[0]} values`);
  }
  const read = (name: string) => fieldDoubles(nodes, name, what);
  // Before version 1.3 nothing led NaN to the left.
  const hasMissing = fieldOf(nodes, "missing_go_to_left") !== undefined;
  return {
    nodeCount,
    feature: Int32Array.from(read("feature")),
    threshold: read("threshold"),
    left: Int32Array.from(read("left_child")),
    right: Int32Array.from(read("right_child")),
    missingGoesLeft: hasMissing
      ? Uint8Array.from(read("missing_go_to_left"))
      : new Uint8Array(nodeCount),
    values: toDoubles(values, what),
    width: values.size / nodeCount,
  };
}

/** The tree as a sum's term for one target. `leafValues`: by node. Parts whose leaves are all equal become one leaf:
 *  with one copy of a tree per class, that is most of them. */
export function treeFor(tree: TreeArrays, leafValues: Float64Array, target: number): Tree {
  const members = tree.leftCategories;
  const isMember = (_: unknown, node: number) =>
    members?.has(node) ? splitMode.member : splitMode.lessEqual;
  const whole: Tree = {
    nodeCount: tree.nodeCount,
    feature: tree.feature,
    threshold: tree.threshold,
    ...(members === undefined
      ? { mode: splitMode.lessEqual }
      : { mode: Uint8Array.from({ length: tree.nodeCount }, isMember), members }),
    trueChild: tree.left,
    falseChild: tree.right,
    missingTracksTrue: tree.missingGoesLeft,
    values: leafValues,
    targets: [target],
  };
  return withoutEqualLeaves(whole) ?? whole;
}

/** `undefined` if a child stands before its parent, which scikit-learn does not write. */
function withoutEqualLeaves(tree: Tree): Tree | undefined {
  const { nodeCount } = tree;
  const trueChild = tree.trueChild.slice();
  const values = tree.values.slice();
  for (let node = nodeCount - 1; node >= 0; node--) {
    const [left, right] = [trueChild[node] as number, tree.falseChild[node] as number];
    if (left < 0) continue;
    if (left <= node || right <= node || left >= nodeCount || right >= nodeCount) return undefined;
    const areLeaves = (trueChild[left] as number) < 0 && (trueChild[right] as number) < 0;
    if (!areLeaves || !Object.is(values[left], values[right])) continue;
    trueChild[node] = -1;
    values[node] = values[left] as number;
  }
  return reachable({ ...tree, trueChild, values });
}

/** The tree without nodes that no path leads to. Children stand behind their parents. */
function reachable(tree: Tree): Tree | undefined {
  const { nodeCount, trueChild, falseChild } = tree;
  const index = new Int32Array(nodeCount).fill(-1);
  const kept: number[] = [0];
  index[0] = 0;
  for (const node of kept) {
    const left = trueChild[node] as number;
    if (left < 0) continue;
    for (const child of [left, falseChild[node] as number]) {
      // A node of two parents is for the forest to refuse.
      if (index[child] !== -1) return undefined;
      index[child] = kept.length;
      kept.push(child);
    }
  }
  const { mode, members } = tree;
  const keptMembers = new Map<number, ArrayLike<number>>();
  for (const [node, categories] of members ?? []) {
    const at = index[node] ?? -1;
    if (at >= 0 && (trueChild[node] as number) >= 0) keptMembers.set(at, categories);
  }
  const child = (node: number) => (node < 0 ? -1 : (index[node] as number));
  return {
    ...tree,
    nodeCount: kept.length,
    ...(members !== undefined && { members: keptMembers }),
    mode: typeof mode === "number" ? mode : Uint8Array.from(kept, (node) => mode[node] as number),
    feature: Int32Array.from(kept, (node) => tree.feature[node] as number),
    threshold: Float64Array.from(kept, (node) => tree.threshold[node] as number),
    trueChild: Int32Array.from(kept, (node) => child(trueChild[node] as number)),
    falseChild: Int32Array.from(kept, (node) =>
      (trueChild[node] as number) < 0 ? -1 : child(falseChild[node] as number),
    ),
    missingTracksTrue: Uint8Array.from(kept, (node) => tree.missingTracksTrue[node] as number),
    values: Float64Array.from(kept, (node) => tree.values[node] as number),
  };
}

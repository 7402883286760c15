import type { FloatArray } from "../../onnx/write/graph-tensor.ts";

/** How a node compares its column with its threshold. If it holds, the true child is next. ONNX has "not equal" as well; in
 *  ONNX Runtime that always holds for NaN. */
export const splitMode = {
  lessEqual: 0,
  less: 1,
  greaterEqual: 2,
  greater: 3,
  equal: 4,
  /** The column is in the node's set. */
  member: 6,
} as const;

/** One tree as a library stores it, in parallel arrays with one entry per node, in any order. A node is a leaf if
 *  `trueChild` is negative; its other entries, values aside, are not read then. */
export interface Tree {
  /** Nodes that exist; arrays may be longer. */
  readonly nodeCount: number;
  /** The first node, 0 unless given. */
  readonly root?: number;
  readonly feature: Int32Array;
  /** NaN is refused. ±infinity is allowed. */
  readonly threshold: FloatArray;
  /** One of `splitMode` for all nodes, or one per node. */
  readonly mode: number | Uint8Array;
  readonly trueChild: Int32Array;
  readonly falseChild: Int32Array;
  /** Whether NaN leads to the true child. */
  readonly missingTracksTrue: Uint8Array;
  /** By node, for those of mode "member": whole numbers from 0 to 2^24 - 1, ascending, without duplicates; or an
   *  empty set, which nothing but NaN can be in. */
  readonly members?: ReadonlyMap<number, ArrayLike<number>>;
  /** What a leaf adds: value i of node n is `values[n * targets.length + i]`, added to target `targets[i]`. A
   *  tree is written once per target. */
  readonly values: FloatArray;
  readonly targets: readonly number[];
}

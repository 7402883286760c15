import { splitMode, type Tree } from "../graph/tree.ts";
import { decisionBits, type LightgbmTree, missingType, missingTypeOf } from "./lightgbm-model.ts";
import { malformed } from "./lightgbm-refusal.ts";
import { membersOf, setOf } from "./sets.ts";
import { foldedThreshold } from "./zero-threshold.ts";

export interface TreePlace {
  /** What messages call the tree. */
  readonly name: string;
  /** The score that it adds to. */
  readonly target: number;
}

/** `tree` in the terms of the graph: inner nodes as the file numbers them, then the leaves. True is left. */
export function treeOf(tree: LightgbmTree, { name, target }: TreePlace): Tree {
  const { leaves } = tree;
  const inner = leaves - 1;
  const nodeCount = inner + leaves;
  const trueChild = new Int32Array(nodeCount).fill(-1);
  const falseChild = new Int32Array(nodeCount).fill(-1);
  const feature = new Int32Array(nodeCount);
  const threshold = new Float64Array(nodeCount);
  const mode = new Uint8Array(nodeCount);
  const missingTracksTrue = new Uint8Array(nodeCount);
  const members = new Map<number, readonly number[]>();
  const placeOf = (child: number, node: number): number => {
    const place = child >= 0 ? child : inner + ~child;
    if (child >= inner || place >= nodeCount) {
      throw malformed(
        `node ${node} of ${name} has the child ${child}, but there are ${inner} nodes and ${leaves} leaves`,
      );
    }
    return place;
  };
  for (let node = 0; node < inner; node++) {
    trueChild[node] = placeOf(tree.left[node] as number, node);
    falseChild[node] = placeOf(tree.right[node] as number, node);
    feature[node] = tree.feature[node] as number;
    const bits = tree.decision[node] as number;
    if ((bits & decisionBits.categorical) !== 0) {
      // A missing category is in no set.
      mode[node] = splitMode.member;
      members.set(node, membersOf(setOf(tree, node) ?? new Uint32Array(0)));
      continue;
    }
    const value = tree.threshold[node] as number;
    mode[node] = splitMode.lessEqual;
    threshold[node] = foldedThreshold(value);
    missingTracksTrue[node] = missesToLeft(bits, value) ? 1 : 0;
  }
  const values = new Float64Array(nodeCount);
  values.set(tree.leafValue, inner);
  return {
    nodeCount,
    feature,
    threshold,
    mode,
    trueChild,
    falseChild,
    missingTracksTrue,
    members,
    values,
    targets: [target],
  };
}

/** Where NaN goes. Without a missing type it is read as 0. */
function missesToLeft(bits: number, threshold: number): boolean {
  if (missingTypeOf(bits) === missingType.none) return threshold >= 0;
  return (bits & decisionBits.defaultLeft) !== 0;
}

import { splitMode, type Tree } from "../../../src/engine/translator/graph/tree.ts";

/** What a forest answers for one row, by the definition of its trees, summed in their order. `round`: to the type that sums
 *  have. */
export function walkForest(
  trees: readonly Tree[],
  row: ArrayLike<number>,
  { targets, round }: { readonly targets: number; readonly round: (value: number) => number },
): number[] {
  const sums = new Array<number>(targets).fill(0);
  for (const tree of trees) {
    let node = tree.root ?? 0;
    while ((tree.trueChild[node] as number) >= 0) {
      const children = isTrue(tree, node, row) ? tree.trueChild : tree.falseChild;
      node = children[node] as number;
    }
    for (const [at, target] of tree.targets.entries()) {
      const value = round(tree.values[node * tree.targets.length + at] as number);
      sums[target] = round((sums[target] as number) + value);
    }
  }
  return sums;
}

function isTrue(tree: Tree, node: number, row: ArrayLike<number>): boolean {
  const x = row[tree.feature[node] as number] as number;
  if (Number.isNaN(x)) return tree.missingTracksTrue[node] === 1;
  const threshold = tree.threshold[node] as number;
  switch (typeof tree.mode === "number" ? tree.mode : tree.mode[node]) {
    case splitMode.lessEqual:
      return x <= threshold;
    case splitMode.less:
      return x < threshold;
    case splitMode.greaterEqual:
      return x >= threshold;
    case splitMode.greater:
      return x > threshold;
    case splitMode.equal:
      return x === threshold;
    default:
      return Array.from(tree.members?.get(node) ?? []).includes(x);
  }
}

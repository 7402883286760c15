import { RuntimeError } from "../../../base/errors.ts";
import type { Tree } from "../graph/tree.ts";

/** Columns that trees compare with sets of categories -> one more than the largest category of these. */
export function categoryCounts(trees: Iterable<Tree>): Map<number, number> {
  const counts = new Map<number, number>();
  const numeric = new Set<number>();
  for (const { nodeCount, trueChild, feature, members } of trees) {
    for (let node = 0; node < nodeCount; node++) {
      if ((trueChild[node] as number) < 0) continue;
      const column = feature[node] as number;
      const set = members?.get(node);
      if (set === undefined) numeric.add(column);
      else {
        const last = set.length === 0 ? -1 : (set[set.length - 1] as number);
        counts.set(column, Math.max(counts.get(column) ?? 0, last + 1));
      }
    }
  }
  for (const column of counts.keys()) {
    if (!numeric.has(column)) continue;
    throw new RuntimeError(
      "invalid-argument",
      `this XGBoost model compares feature ${column} with numbers in some nodes and with categories in others, which is not supported: train it anew, with one type per feature`,
    );
  }
  return counts;
}

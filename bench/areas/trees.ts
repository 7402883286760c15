import { measureLargeTrees } from "../trees/large-trees.ts";
import { measureManyTrees } from "../trees/many-trees.ts";
import { measureTreeSpeed } from "../trees/tree-speed.ts";
import type { Workbench } from "../workbench.ts";

// Files of XGBoost and LightGBM, beside the servers that people use for them.

export async function measureTrees(bench: Workbench): Promise<void> {
  await measureTreeSpeed(bench);
  await measureManyTrees(bench);
  await measureLargeTrees(bench);
}

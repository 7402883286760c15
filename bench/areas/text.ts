import { canMeasureTrees } from "../../test/support/processes/process-tree.ts";
import { measureManyTexts } from "../text/many-texts.ts";
import { measureTextCosts } from "../text/text-costs.ts";
import { missingMiniLm } from "../text/text-peers.ts";
import { measureTextSpeed } from "../text/text-speed.ts";
import type { Workbench } from "../workbench.ts";

// all-MiniLM-L6-v2 as it lies in its folder, beside the libraries that people use for it.

export async function measureText(bench: Workbench): Promise<void> {
  if (missingMiniLm !== undefined || !canMeasureTrees) {
    bench.measurements.skip("text models", missingMiniLm ?? `${process.platform} has no /proc`);
    return;
  }
  await measureTextSpeed(bench);
  await measureTextCosts(bench);
  await measureManyTexts(bench);
}

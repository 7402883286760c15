import { nodeCommand, runProgram } from "../program.ts";
import type { LoadPlan } from "./load.ts";
import type { LoadResult } from "./load-result.ts";

/** Makes the load from Node, in a process of its own. */
export async function runNodeLoad(plan: LoadPlan): Promise<LoadResult> {
  const { cores } = plan;
  const command = nodeCommand("bench/load/node-load.ts", [JSON.stringify(plan)]);
  return (await runProgram({ command, cores })) as LoadResult;
}

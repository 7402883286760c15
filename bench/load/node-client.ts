import { runProgram } from "../program.ts";
import type { LoadPlan, LoadResult } from "./load.ts";

/** Makes the load from Node, in a process of its own. */
export async function runNodeLoad(plan: LoadPlan): Promise<LoadResult> {
  const { cores } = plan;
  const args = [JSON.stringify(plan)];
  return (await runProgram({ script: "bench/load/node-load.ts", args, cores })) as LoadResult;
}

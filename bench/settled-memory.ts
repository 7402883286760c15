import { setTimeout as sleep } from "node:timers/promises";
import { measureTree } from "../test/support/processes/process-tree.ts";
import { quantile } from "./measurements.ts";

/** Private memory of the process tree, as the median of some seconds at rest. */
export async function settledMib(pid: number): Promise<number> {
  const samples: number[] = [];
  for (let sample = 0; sample < 5; sample++) {
    await sleep(500);
    samples.push((await measureTree(pid)).privateBytes / 1024 ** 2);
  }
  return quantile(samples, 0.5);
}

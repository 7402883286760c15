import { cpuMsOf, measureTree } from "../../test/support/processes/process-tree.ts";

/** CPU time that a process and its descendants have used so far, in milliseconds. */
export async function treeCpuMs(pid: number): Promise<number> {
  const { pids } = await measureTree(pid);
  const times = await Promise.all(pids.map(cpuMsOf));
  return times.reduce((sum, timeMs) => sum + timeMs, 0);
}

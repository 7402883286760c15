import { setTimeout as sleep } from "node:timers/promises";
import { measureTree, type TreeMemory } from "./process-tree.ts";

export interface MemoryPeak {
  /** Of all processes of the tree together. */
  readonly privateBytes: number;
  /** Of the root process alone, at its own moment. */
  readonly rootBytes: number;
  /** The tree when it had most. */
  readonly tree: TreeMemory;
}

const betweenLooksMs = 10;

/** Looks at the private memory of a process and its descendants again and again while `work` goes on, and once
 *  more after it. */
export async function peakDuring(rootPid: number, work: () => Promise<void>): Promise<MemoryPeak> {
  let peak = await look(rootPid, undefined);
  let isOver = false;
  const looking = (async () => {
    while (!isOver) {
      await sleep(betweenLooksMs);
      peak = await look(rootPid, peak);
    }
  })();
  try {
    await work();
  } finally {
    isOver = true;
    await looking;
  }
  return await look(rootPid, peak);
}

async function look(rootPid: number, before: MemoryPeak | undefined): Promise<MemoryPeak> {
  const tree = await measureTree(rootPid);
  const rootBytes = Math.max(before?.rootBytes ?? 0, tree.bytesByPid.get(rootPid) ?? 0);
  const isMore = before === undefined || tree.privateBytes > before.privateBytes;
  const most = isMore ? tree : before.tree;
  return { privateBytes: most.privateBytes, rootBytes, tree: most };
}

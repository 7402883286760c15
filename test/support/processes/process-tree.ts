import { readFileSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";

export interface TreeMemory {
  /** Processes of the tree, the root included. */
  readonly pids: readonly number[];
  /** Bytes that only this process holds, for each of them. */
  readonly bytesByPid: ReadonlyMap<number, number>;
  /** Bytes that only these processes hold, over the whole tree. */
  readonly privateBytes: number;
}

/** Whether this system tells the private memory of processes. */
export const canMeasureTrees = process.platform === "linux";

/** The memory of a process and all of its descendants, now. Processes that end meanwhile count 0. */
export async function measureTree(rootPid: number): Promise<TreeMemory> {
  const parents = new Map<number, number>();
  for (const entry of await readdir("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    const stat = await readFile(`/proc/${entry}/stat`, "utf8").catch(() => undefined);
    if (stat === undefined) continue;
    // The command name, in parentheses, may hold anything; the parent is the second field behind it.
    const parent = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1];
    parents.set(Number(entry), Number(parent));
  }
  const pids = [...parents.keys()].filter((pid) => descendsFrom(pid, rootPid, parents));
  const sizes = await Promise.all(
    pids.map(async (pid) => [pid, await privateBytesOf(pid)] as const),
  );
  return {
    pids,
    bytesByPid: new Map(sizes),
    privateBytes: sizes.reduce((sum, [, bytes]) => sum + bytes, 0),
  };
}

function descendsFrom(pid: number, root: number, parents: ReadonlyMap<number, number>): boolean {
  for (let at: number | undefined = pid; at !== undefined; at = parents.get(at)) {
    if (at === root) return true;
  }
  return false;
}

/** Bytes that only this process holds; 0 once it is gone. */
export async function privateBytesOf(pid: number): Promise<number> {
  const rollup = await readFile(`/proc/${pid}/smaps_rollup`, "utf8").catch(() => "");
  let kibibytes = 0;
  for (const [, value] of rollup.matchAll(/^Private_\w+:\s+(\d+) kB$/gm)) {
    kibibytes += Number(value);
  }
  return kibibytes * 1024;
}

/** Linux counts CPU time in these, whatever its kernel ticks in. */
const tickMs = 10;

/** CPU time that a process has used, in milliseconds; 0 once it is gone. */
export async function cpuMsOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) * tickMs;
}

/** Pages of a process that are in memory, as Linux counts them. */
export function residentPages(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1]);
}

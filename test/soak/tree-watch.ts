import { readdir } from "node:fs/promises";
import { cpuMsOf, measureTree, privateBytesOf } from "../support/processes/process-tree.ts";

export interface TreeSample {
  readonly atMs: number;
  /** Private memory of the server alone. */
  readonly serverBytes: number;
  /** Private memory of the server and all of its hosts. */
  readonly treeBytes: number;
  /** Open file descriptors of the server. */
  readonly handles: number;
  /** Processes beside the server. */
  readonly hosts: number;
  /** CPU time of the tree since the last sample, in milliseconds; that of dead hosts is missing. */
  readonly cpuMs: number;
}

/** Samples the process tree of the server. */
export class TreeWatch {
  readonly samples: TreeSample[] = [];
  readonly #pid: number;
  #cpuMs = new Map<number, number>();

  constructor(pid: number) {
    this.#pid = pid;
  }

  async sample(): Promise<TreeSample> {
    const tree = await measureTree(this.#pid);
    const now = new Map<number, number>();
    for (const pid of tree.pids) now.set(pid, await cpuMsOf(pid));
    let cpuMs = 0;
    for (const [pid, total] of now) cpuMs += total - (this.#cpuMs.get(pid) ?? 0);
    this.#cpuMs = now;
    const sample: TreeSample = {
      atMs: performance.now(),
      serverBytes: await privateBytesOf(this.#pid),
      treeBytes: tree.privateBytes,
      handles: (await readdir(`/proc/${this.#pid}/fd`)).length,
      hosts: tree.pids.length - 1,
      cpuMs,
    };
    this.samples.push(sample);
    return sample;
  }

  /** The processes of its hosts, now. */
  async hostPids(): Promise<number[]> {
    return (await measureTree(this.#pid)).pids.filter((pid) => pid !== this.#pid);
  }
}

/** Theil–Sen: the median of the slopes between all pairs, which single peaks do not move. In units of
 *  `y` per unit of `x`. */
export function slopeOf(points: readonly { readonly x: number; readonly y: number }[]): number {
  const slopes: number[] = [];
  for (const [at, a] of points.entries()) {
    for (const b of points.slice(at + 1)) {
      if (b.x > a.x) slopes.push((b.y - a.y) / (b.x - a.x));
    }
  }
  slopes.sort((a, b) => a - b);
  return slopes[slopes.length >> 1] ?? 0;
}

import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { measureTree, type TreeMemory } from "../../test/support/processes/process-tree.ts";
import type { ModelClient } from "../load/model-client.ts";
import { quantile } from "../measurements.ts";
import type { Program } from "../program.ts";
import type { Workbench } from "../workbench.ts";

const samples = { full: 40, quick: 3 };

/** Multiples of it, without their whole part, are spread evenly however many are taken: moments of a load. */
const goldenRatio = 0.618034;

/** How often, and how many times, the tree must be found to stand still before a load, so that a spare host's start is
 *  over. */
const settleMs = 200;
const settledLooks = 3;
const settledBytes = 4 * 1024 ** 2;

/** A cancelled load that keeps its memory for longer is a failure, not a figure. */
const longestMs = 30_000;
/** By then it is worth asking whether the load was over when its reset arrived. */
const askAfterMs = 1_000;

/** How long it takes from the reset of a load's call until its memory is back with the system. Reading the
 *  memory of the whole tree takes longer than that, and takes a core that the dying process needs. So the
 *  clock stops when the processes that had grown for the load are gone: ended and reaped by their parent,
 *  which happens only once the system has their pages back. A look at the tree afterwards must confirm that
 *  no other process holds them. */
export async function measureCancel(
  bench: Workbench,
  target: {
    readonly program: Program;
    readonly client: ModelClient;
    readonly path: string;
    /** More than this at the end of a cancelled load is memory that it kept. */
    readonly slackBytes: number;
    /** What the measurements are called, such as "lifecycle/cancel of 400 MB". */
    readonly name: string;
  },
): Promise<void> {
  const { program, client, path, slackBytes, name } = target;
  const count = bench.choose(samples);
  bench.log(`${name}, ${count} times`);
  const startMs = performance.now();
  await client.load("whole", path);
  const loadMs = performance.now() - startMs;
  await client.unload("whole");
  const freeMs: number[] = [];
  for (let attempt = 0; freeMs.length < count; attempt++) {
    // A machine on which every load is over before its cancel measures something else.
    if (attempt >= 3 * count) {
      bench.measurements.skip(name, "loads were over before they could be cancelled");
      return;
    }
    const before = await settledMemory(program.pid);
    const cancel = new AbortController();
    const id = `cancelled ${attempt}`;
    const outcome = client.load(id, path, cancel.signal).then(
      () => "loaded" as const,
      () => "cancelled" as const,
    );
    await sleep(loadMs * ((attempt * goldenRatio) % 1));
    const holders = grownBy(slackBytes, before, await measureTree(program.pid)).filter(
      (pid) => pid !== program.pid,
    );
    const cancelMs = performance.now();
    cancel.abort(new Error("cancelled by the bench"));
    if ((await outcome) === "loaded") {
      await client.unload(id);
      continue;
    }
    const freeAtMs = await whenFree(program.pid, {
      ...{ holders, before, slackBytes },
      isLoaded: () => client.isLoaded(id),
    });
    // The answer and the reset crossed.
    if (freeAtMs === undefined) {
      await client.unload(id);
      continue;
    }
    // Loads that had not begun to take memory would flatter the figure.
    if (holders.length > 0) freeMs.push(freeAtMs - cancelMs);
  }
  bench.measurements.add(`${name} to memory free/p50`, "ms", quantile(freeMs, 0.5));
  bench.measurements.add(`${name} to memory free/p99`, "ms", quantile(freeMs, 0.99));
}

interface Awaited {
  readonly holders: readonly number[];
  readonly before: TreeMemory;
  readonly slackBytes: number;
  isLoaded(): Promise<boolean>;
}

/** When `holders` were gone or, if the hosts then held more than `slackBytes` beyond what they held before, the end of
 *  the first look that found them to hold less. Undefined if the model is loaded. */
async function whenFree(
  pid: number,
  { holders, before, slackBytes, isLoaded }: Awaited,
): Promise<number | undefined> {
  const startMs = performance.now();
  const isLate = async () => {
    const lateMs = performance.now() - startMs;
    if (lateMs > longestMs) throw keptMemory(before, await measureTree(pid));
    return lateMs > askAfterMs && (await isLoaded());
  };
  while (holders.some((holder) => existsSync(`/proc/${holder}`))) {
    if (await isLate()) return undefined;
    await sleep(1);
  }
  const goneMs = performance.now();
  for (let looks = 1; ; looks++) {
    const now = await measureTree(pid);
    if (hostBytes(pid, now) <= hostBytes(pid, before) + slackBytes) {
      return looks === 1 ? goneMs : performance.now();
    }
    if (await isLate()) return undefined;
  }
}

/** What the tree holds without its root: the server collects its own garbage in its own time, whatever is loaded. */
function hostBytes(root: number, { privateBytes, bytesByPid }: TreeMemory): number {
  return privateBytes - (bytesByPid.get(root) ?? 0);
}

function keptMemory(before: TreeMemory, now: TreeMemory): Error {
  const held = [...now.bytesByPid].map(([pid, bytes]) => {
    const [was, is] = [before.bytesByPid.get(pid) ?? 0, bytes].map((each) =>
      (each / 1e6).toFixed(0),
    );
    return `process ${pid} held ${was} MB and holds ${is}`;
  });
  return new Error(`a cancelled load kept its memory: ${held.join(", ")}`);
}

/** Processes that hold so much more than they did, or than nothing if they are new. */
function grownBy(bytes: number, before: TreeMemory, now: TreeMemory): number[] {
  return now.pids.filter((pid) => {
    const grownBytes = (now.bytesByPid.get(pid) ?? 0) - (before.bytesByPid.get(pid) ?? 0);
    return grownBytes > bytes;
  });
}

/** The tree's memory once it stands still: the same processes, none of which grows or shrinks. One that ends would hide
 *  the growth of one that starts in the sum, and a start may stand still for a moment. */
async function settledMemory(pid: number): Promise<TreeMemory> {
  let last = await measureTree(pid);
  for (let stillLooks = 0; stillLooks < settledLooks; ) {
    await sleep(settleMs);
    const now = await measureTree(pid);
    const isSame = now.pids.length === last.pids.length;
    stillLooks = isSame && now.pids.every((each) => isStill(each, last, now)) ? stillLooks + 1 : 0;
    last = now;
  }
  return last;
}

function isStill(pid: number, last: TreeMemory, now: TreeMemory): boolean {
  const lastBytes = last.bytesByPid.get(pid);
  const grownBytes = (now.bytesByPid.get(pid) ?? 0) - (lastBytes ?? Number.NEGATIVE_INFINITY);
  return Math.abs(grownBytes) < settledBytes;
}

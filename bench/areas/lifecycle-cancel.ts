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

/** How long the tree's memory must stand still before a load, so that a spare host's start is over. */
const settleMs = 200;
const settledBytes = 4 * 1024 ** 2;

/** A cancelled load that keeps its memory for longer is a failure, not a figure. */
const longestMs = 30_000;

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
    const holders = grownBy(slackBytes, before, await measureTree(program.pid));
    const cancelMs = performance.now();
    cancel.abort(new Error("cancelled by the bench"));
    if ((await outcome) === "loaded") {
      await client.unload(id);
      continue;
    }
    const limitBytes = before.privateBytes + slackBytes;
    const freeAtMs = await whenFree(program.pid, { holders, limitBytes });
    // Loads that had not begun to take memory would flatter the figure.
    if (holders.length > 0) freeMs.push(freeAtMs - cancelMs);
  }
  bench.measurements.add(`${name} to memory free/p50`, "ms", quantile(freeMs, 0.5));
  bench.measurements.add(`${name} to memory free/p99`, "ms", quantile(freeMs, 0.99));
}

/** When `holders` were gone or, if the tree then held more than `limitBytes`, the end of the first look that found
 *  it to hold less. */
async function whenFree(
  pid: number,
  { holders, limitBytes }: { readonly holders: readonly number[]; readonly limitBytes: number },
): Promise<number> {
  const giveUpMs = performance.now() + longestMs;
  const throwIfLate = () => {
    if (performance.now() > giveUpMs) throw new Error("a cancelled load kept its memory");
  };
  while (holders.some((holder) => existsSync(`/proc/${holder}`))) {
    throwIfLate();
    await sleep(1);
  }
  const goneMs = performance.now();
  let looks = 1;
  for (; (await measureTree(pid)).privateBytes > limitBytes; looks++) throwIfLate();
  return looks === 1 ? goneMs : performance.now();
}

/** Processes that hold so much more than they did, or than nothing if they are new. */
function grownBy(bytes: number, before: TreeMemory, now: TreeMemory): number[] {
  return now.pids.filter((pid) => {
    const grownBytes = (now.bytesByPid.get(pid) ?? 0) - (before.bytesByPid.get(pid) ?? 0);
    return grownBytes > bytes;
  });
}

async function settledMemory(pid: number): Promise<TreeMemory> {
  let last = await measureTree(pid);
  for (;;) {
    await sleep(settleMs);
    const now = await measureTree(pid);
    if (Math.abs(now.privateBytes - last.privateBytes) < settledBytes) return now;
    last = now;
  }
}

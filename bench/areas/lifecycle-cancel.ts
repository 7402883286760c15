import { setTimeout as sleep } from "node:timers/promises";
import { measureTree } from "../../test/support/process-tree.ts";
import type { ModelClient } from "../load/model-client.ts";
import { quantile } from "../measurements.ts";
import type { Program } from "../program.ts";
import type { Workbench } from "../workbench.ts";

const samples = { full: 100, quick: 3 };

/** Cancels come at moments that are spread over this part of a load. */
const firstCancelMs = 100;
const lastCancelMs = 600;

/** How long the tree's memory must stand still before a load, so that a spare host's start is over. */
const settleMs = 200;
const settledBytes = 4 * 1024 ** 2;

/** How long it takes from the reset of a load's call until its memory is back with the system: until the
 *  whole process tree holds no more than before, plus a twentieth of the model. Looking takes some
 *  milliseconds itself, which are counted. */
export async function measureCancel(
  bench: Workbench,
  target: {
    readonly program: Program;
    readonly client: ModelClient;
    readonly path: string;
    readonly modelBytes: number;
  },
): Promise<void> {
  const { program, client, path, modelBytes } = target;
  const count = bench.choose(samples);
  bench.log(`${count} cancelled loads of 400 MB`);
  const freeMs: number[] = [];
  for (let attempt = 0; freeMs.length < count; attempt++) {
    // A machine on which every load is over before its cancel measures something else.
    if (attempt >= 3 * count) {
      bench.measurements.skip("cancel of a load", "loads were over before they could be cancelled");
      return;
    }
    const before = await settledMemory(program.pid);
    const cancel = new AbortController();
    const id = `cancelled ${attempt}`;
    const outcome = client.load(id, path, cancel.signal).then(
      () => "loaded" as const,
      () => "cancelled" as const,
    );
    await sleep(firstCancelMs + ((lastCancelMs - firstCancelMs) * (freeMs.length + 0.5)) / count);
    const atCancel = (await measureTree(program.pid)).privateBytes;
    const cancelMs = performance.now();
    cancel.abort(new Error("cancelled by the bench"));
    if ((await outcome) === "loaded") {
      await client.unload(id);
      continue;
    }
    const limit = before + modelBytes / 20;
    while ((await measureTree(program.pid)).privateBytes > limit) {
      if (performance.now() - cancelMs > 30_000)
        throw new Error("a cancelled load kept its memory");
    }
    // Loads that had not begun to take memory would make the figure look better than it is.
    if (atCancel > limit) freeMs.push(performance.now() - cancelMs);
  }
  bench.measurements.add(
    "lifecycle/cancel of 400 MB to memory free/p50",
    "ms",
    quantile(freeMs, 0.5),
  );
  bench.measurements.add(
    "lifecycle/cancel of 400 MB to memory free/p99",
    "ms",
    quantile(freeMs, 0.99),
  );
}

async function settledMemory(pid: number): Promise<number> {
  let last = (await measureTree(pid)).privateBytes;
  for (;;) {
    await sleep(settleMs);
    const now = (await measureTree(pid)).privateBytes;
    if (Math.abs(now - last) < settledBytes) return now;
    last = now;
  }
}

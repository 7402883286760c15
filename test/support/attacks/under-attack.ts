import assert from "node:assert/strict";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import type { SteadyOrder, SteadyResult } from "../clients/steady-client.ts";
import { measureTree } from "../processes/process-tree.ts";
import type { Served } from "../servers/served.ts";

export interface AttackFigures {
  /** How a well-behaved client fared meanwhile. */
  readonly calls: number;
  readonly medianMs: number;
  readonly worstMs: number;
  readonly failures: readonly string[];
  /** Private memory of the server and its hosts: by how much it was above the start at most, and how
   *  much was left when the attack was over. */
  readonly peakBytes: number;
  readonly leftBytes: number;
}

const MiB = 1024 * 1024;
const readyPath = "/inference.GRPCInferenceService/ServerReady";
const sampleMs = 100;
// For the server to notice closed connections, and for its collector.
const settleMs = 200;

// Catches leaks on busy machines; the figures are what is printed. A call that hangs is a failure (`SteadyResult`).
const peakBoundBytes = 512 * MiB;

/** The steady client expects all its answers to be like the first, which asks just this. */
async function untilReady(port: number): Promise<void> {
  const isReady = async () => (await fetch(`http://127.0.0.1:${port}/v2/health/ready`)).ok;
  while (!(await isReady())) await sleep(sampleMs);
}

/** Runs `attack` against `served` with a well-behaved client beside it. */
export async function measureAttack(
  served: Served,
  attack: () => Promise<unknown>,
): Promise<AttackFigures> {
  await untilReady(served.port);
  const startBytes = (await measureTree(served.pid)).privateBytes;
  let peakBytes = 0;
  const sample = async () => {
    const { privateBytes } = await measureTree(served.pid);
    peakBytes = Math.max(peakBytes, privateBytes - startBytes);
    return privateBytes - startBytes;
  };
  const worker = new Worker(new URL("../clients/steady-client.ts", import.meta.url), {
    workerData: { port: served.port, path: readyPath, message: new Uint8Array() } as SteadyOrder,
    execArgv: [],
  });
  await once(worker, "message"); // It is ready.
  const ended = once(worker, "message");
  let isOver = false;
  const sampling = (async () => {
    while (!isOver) {
      await sample();
      await sleep(sampleMs);
    }
  })();
  let result: SteadyResult;
  try {
    await attack().finally(() => worker.postMessage("stop"));
    // What was sent may take the server longer than it took to send; so the last call does, too.
    [result] = (await ended) as [SteadyResult];
    await sleep(settleMs);
  } finally {
    isOver = true;
    await sampling;
  }
  const { latenciesMs, failures } = result;
  const leftBytes = await sample();
  return {
    calls: latenciesMs.length,
    medianMs: latenciesMs[latenciesMs.length >> 1] ?? Number.NaN,
    worstMs: latenciesMs.at(-1) ?? Number.NaN,
    failures,
    peakBytes,
    leftBytes,
  };
}

/** Asserts that the server lives, that it served the well-behaved client all along, and that its memory
 *  stayed bounded. */
export function assertUnharmed(figures: AttackFigures): void {
  assert.deepEqual(figures.failures, []);
  assert.ok(figures.calls > 0, "no call was answered meanwhile");
  assert.ok(figures.peakBytes < peakBoundBytes, `memory grew by ${figures.peakBytes} bytes`);
}

/** One line for the test's output. */
export function describeFigures(figures: AttackFigures): string {
  const inMiB = (bytes: number) => `${(bytes / MiB).toFixed(1)} MiB`;
  return (
    `meanwhile ${figures.calls} calls, median ${figures.medianMs.toFixed(1)} ms, ` +
    `worst ${figures.worstMs.toFixed(0)} ms; memory +${inMiB(figures.peakBytes)} at most, ` +
    `+${inMiB(figures.leftBytes)} afterwards`
  );
}

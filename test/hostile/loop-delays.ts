import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { evaluateIn } from "../soak/server-heap.ts";
import type { Served } from "../support/servers/served.ts";

/** How late an event loop was, in milliseconds. */
export interface LoopDelay {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
}

/** Between two looks, which Node's histogram counts in. */
const resolutionMs = 10;
const monitor = `process.getBuiltinModule("node:perf_hooks").monitorEventLoopDelay({ resolution: ${resolutionMs} })`;
const figures = `[50, 99, 99.9, 100].map((part) => loopDelay.percentile(part) / 1e6)`;
const idle = `
  const { parentPort } = require("node:worker_threads");
  const loopDelay = ${monitor};
  loopDelay.enable();
  parentPort.once("message", () => parentPort.postMessage(${figures}));
  parentPort.postMessage("ready");
`;

/** Measures how late the event loop of the server is, and beside it one that has nothing to do: what that suffers is
 *  the machine's. The server must run with `--inspect=127.0.0.1:0`. */
export class LoopDelays {
  readonly #served: Served;
  readonly #idle: Worker;

  private constructor(served: Served, idleWorker: Worker) {
    this.#served = served;
    this.#idle = idleWorker;
  }

  static async start(served: Served): Promise<LoopDelays> {
    const worker = new Worker(idle, { eval: true, execArgv: [] });
    await once(worker, "message");
    await evaluateIn(served, `globalThis.loopDelay = ${monitor}; loopDelay.enable()`);
    return new LoopDelays(served, worker);
  }

  async stop(): Promise<{ readonly server: LoopDelay; readonly idle: LoopDelay }> {
    const answered = once(this.#idle, "message");
    this.#idle.postMessage("stop");
    const [ofIdle] = (await answered) as [number[]];
    // A server that is gone has other faults.
    const ofServer = await evaluateIn(this.#served, figures).catch(() => []);
    await this.#idle.terminate();
    return { server: toDelay(ofServer as number[]), idle: toDelay(ofIdle) };
  }
}

function toDelay(betweenMs: readonly number[]): LoopDelay {
  const at = (index: number) => Math.max(0, (betweenMs[index] ?? Number.NaN) - resolutionMs);
  return { p50Ms: at(0), p99Ms: at(1), p999Ms: at(2), maxMs: at(3) };
}

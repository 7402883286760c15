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

export interface LoopFigures {
  readonly server: LoopDelay;
  readonly idle: LoopDelay;
  /** CPU time of the server's turns; NaN where Node does not tell it. */
  readonly turnCpu: LoopDelay;
}

/** Between two looks, which Node's histogram counts in. */
const resolutionMs = 10;
const monitor = `process.getBuiltinModule("node:perf_hooks").monitorEventLoopDelay({ resolution: ${resolutionMs} })`;
const figures = `[50, 99, 99.9, 100].map((part) => loopDelay.percentile(part) / 1e6)`;
const idle = `
  const { parentPort } = require("node:worker_threads");
  const loopDelay = ${monitor};
  parentPort.once("message", () => {
    loopDelay.enable();
    parentPort.once("message", () => parentPort.postMessage(${figures}));
  });
  parentPort.postMessage("ready");
`;

/** Notes how much CPU time each turn of the loop takes: other threads and processes do not change it. An immediate that
 *  holds nothing alive runs in every turn and causes none. */
const watchTurns = `(() => {
  globalThis.turnsMs = [];
  if (process.threadCpuUsage === undefined) return;
  const cpuMs = () => { const { user, system } = process.threadCpuUsage(); return (user + system) / 1000; };
  let lastMs = cpuMs();
  const look = () => {
    const nowMs = cpuMs();
    turnsMs.push(nowMs - lastMs);
    lastMs = nowMs;
    setImmediate(look).unref();
  };
  look();
})()`;
const turnFigures = `(() => {
  turnsMs.sort((a, b) => a - b);
  return [0.5, 0.99, 0.999, 1].map((part) => turnsMs[Math.ceil(part * turnsMs.length) - 1]);
})()`;

/** Measures how late the event loop of the server is, and beside it one that has nothing to do: what that suffers is
 *  the machine's. Also measures the CPU time of the server's turns. The server must run with `--inspect=127.0.0.1:0`. */
export class LoopDelays {
  readonly #served: Served;
  readonly #idle: Worker;

  private constructor(served: Served, idleWorker: Worker) {
    this.#served = served;
    this.#idle = idleWorker;
  }

  /** Starts the idle thread. It has the priority of whoever calls. */
  static async open(served: Served): Promise<LoopDelays> {
    const worker = new Worker(idle, { eval: true, execArgv: [] });
    await once(worker, "message");
    return new LoopDelays(served, worker);
  }

  async begin(): Promise<void> {
    this.#idle.postMessage("begin");
    await evaluateIn(this.#served, `globalThis.loopDelay = ${monitor}; loopDelay.enable()`);
    await evaluateIn(this.#served, watchTurns);
  }

  async stop(): Promise<LoopFigures> {
    const answered = once(this.#idle, "message");
    this.#idle.postMessage("stop");
    const [ofIdle] = (await answered) as [number[]];
    // A server that is gone has other faults.
    const ofServer = await evaluateIn(this.#served, figures).catch(() => []);
    const ofTurns = await evaluateIn(this.#served, turnFigures).catch(() => []);
    await this.close();
    return {
      server: toDelay(ofServer as number[]),
      idle: toDelay(ofIdle),
      turnCpu: toFigures(ofTurns as number[]),
    };
  }

  async close(): Promise<void> {
    await this.#idle.terminate();
  }
}

function toDelay(betweenMs: readonly number[]): LoopDelay {
  return toFigures(betweenMs.map((each) => Math.max(0, each - resolutionMs)));
}

function toFigures(figuresMs: readonly (number | null)[]): LoopDelay {
  const at = (index: number) => figuresMs[index] ?? Number.NaN;
  return { p50Ms: at(0), p99Ms: at(1), p999Ms: at(2), maxMs: at(3) };
}

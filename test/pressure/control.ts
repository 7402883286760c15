import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { ControlReport } from "./control-client.ts";

/** Callers in a thread of their own whose calls always have to be answered. */
export class Control {
  readonly #worker: Worker;

  constructor(port: number) {
    this.#worker = new Worker(new URL("./control-client.ts", import.meta.url), {
      workerData: port,
      execArgv: [],
    });
  }

  /** How their calls went since the last report. */
  async report(): Promise<ControlReport> {
    const answered = once(this.#worker, "message");
    this.#worker.postMessage("report");
    const [report] = (await answered) as [ControlReport];
    return report;
  }

  async stop(): Promise<void> {
    this.#worker.postMessage("stop");
    await once(this.#worker, "exit");
  }
}

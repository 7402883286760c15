import { Worker } from "node:worker_threads";
import { entryUrl } from "../../base/entry-url.ts";
import { describeError } from "../../base/errors.ts";
import { endsWithProcess } from "../../base/process-exit.ts";
import type { PayloadLogSettings } from "../../config/payload-log/payload-log-settings.ts";
import { payloadThreadBytes } from "../../config/payload-log/thread-memory.ts";
import type { PayloadReport, PayloadThreadData, ToPayloadThread } from "./thread-messages.ts";

const MiB = 1024 * 1024;
/** A thread that breaks at once must not be started in a loop. */
const restartMs = 1_000;

export interface PayloadThreadParts {
  readonly settings: PayloadLogSettings;
  readonly onReport: (report: PayloadReport) => void;
  /** What the thread had is lost. */
  readonly onLoss: (reason: string) => void;
}

const entry = entryUrl(import.meta.url, "./sinks/payload-thread-main");

/** The thread that makes events of records and delivers them. Started by the first record. */
export class PayloadThread {
  readonly #parts: PayloadThreadParts;
  #worker: Worker | undefined;
  #mayStartMs = 0;
  #ended: (() => void) | undefined;

  constructor(parts: PayloadThreadParts) {
    this.#parts = parts;
  }

  /** Hands over records. False: the thread broke a moment ago, and they are not taken. */
  send(records: Uint8Array<ArrayBuffer>): boolean {
    if (this.#worker === undefined && performance.now() < this.#mayStartMs) return false;
    this.#worker ??= this.#start();
    this.#worker.postMessage({ records } satisfies ToPayloadThread, [records.buffer]);
    return true;
  }

  /** Resolves when everything is delivered or dropped: after `timeoutMs` at the latest, if the thread answers. */
  async close(timeoutMs: number): Promise<void> {
    const worker = this.#worker;
    if (worker === undefined) return;
    const ended = new Promise<void>((resolve) => {
      this.#ended = resolve;
    });
    worker.postMessage({ closeMs: timeoutMs } satisfies ToPayloadThread);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      // A moment for its last report.
      timer = setTimeout(resolve, timeoutMs + 250);
    });
    await Promise.race([ended, late]);
    clearTimeout(timer);
    this.#worker = undefined;
    void worker.terminate();
  }

  #start(): Worker {
    const { settings } = this.#parts;
    const worker = new Worker(entry, {
      workerData: { settings } satisfies PayloadThreadData,
      execArgv: ["--disable-warning=ExperimentalWarning"],
      resourceLimits: {
        maxOldGenerationSizeMb: Math.ceil(payloadThreadBytes(settings.maxBytes) / MiB),
        maxYoungGenerationSizeMb: 4,
      },
    });
    worker.unref();
    endsWithProcess(worker);
    worker.on("message", (report: PayloadReport) => {
      this.#parts.onReport(report);
      if (report.isLast) this.#ended?.();
    });
    worker.on("error", (error) => this.#lose(worker, describeError(error)));
    worker.on("exit", () => this.#lose(worker, "it ended"));
    return worker;
  }

  #lose(worker: Worker, reason: string): void {
    if (worker !== this.#worker) return;
    this.#worker = undefined;
    this.#mayStartMs = performance.now() + restartMs;
    this.#parts.onLoss(reason);
    this.#ended?.();
  }
}

import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { MemorySample, SamplerOrder } from "./memory-sampler.ts";

/** Watches the memory of a process and all of its descendants from a thread of its own. */
export class MemoryWatch {
  readonly samples: MemorySample[] = [];
  readonly #worker: Worker;

  constructor(pid: number, everyMs = 150) {
    this.#worker = new Worker(new URL("./memory-sampler.ts", import.meta.url), {
      workerData: { pid, everyMs } satisfies SamplerOrder,
      execArgv: [],
    });
    this.#worker.on("message", (sample: MemorySample) => this.samples.push(sample));
  }

  /** A sample that was begun after this call. */
  async next(): Promise<MemorySample> {
    // The first may have been on its way.
    await once(this.#worker, "message");
    await once(this.#worker, "message");
    return this.last;
  }

  get last(): MemorySample {
    const last = this.samples.at(-1);
    if (last === undefined) throw new Error("no sample was taken yet");
    return last;
  }

  /** The highest of each figure since then, by Date.now(). */
  peakSince(sinceMs: number): { readonly privateBytes: number; readonly heldBytes: number } {
    const peak = { privateBytes: 0, heldBytes: 0 };
    for (let at = this.samples.length - 1; at >= 0; at--) {
      const sample = this.samples[at];
      if (sample === undefined || sample.atMs < sinceMs) break;
      peak.privateBytes = Math.max(peak.privateBytes, sample.privateBytes);
      peak.heldBytes = Math.max(peak.heldBytes, sample.heldBytes);
    }
    return peak;
  }

  async close(): Promise<void> {
    this.#worker.postMessage("stop");
    await once(this.#worker, "exit");
  }
}

import { execFile } from "node:child_process";
import type { EngineLog } from "./engine-log.ts";

export interface MemoryCapOptions {
  /** Bytes that runs may take beyond the models; 0: no cap. */
  readonly runMemoryBytes: number;
  readonly log: EngineLog;
}

/** What models may take beyond what is predicted, before they are measured. */
const predictionFactor = 1.3;
/** Caps grow in steps, since a change costs the start of a process. */
const stepBytes = 256 * 1024 * 1024;

/** Whether this system has the program. Looked for once in the life of the server. */
let isMissing = false;

/** Keeps one host from taking the memory of all others: the system refuses it more than its models and
 *  their runs should need (RLIMIT_DATA), which the engine reports as an error of the run. */
export class HostMemoryCap {
  readonly #options: MemoryCapOptions;
  #cappedBytes = 0;
  /** A change that does not hold yet. */
  #changing: Promise<void> | undefined;

  constructor(options: MemoryCapOptions) {
    this.#options = options;
  }

  /** Lets the host hold models of `modelBytes` in all, and `loadingBytes` more for loads that are under way.
   *  Never lowers: what runs have taken stays taken. `baseBytes`: what the system counts of the empty host. Resolves when it holds, or cannot be had;
   *  undefined if there is nothing to do. */
  allow(
    pid: number,
    {
      baseBytes,
      modelBytes,
      loadingBytes,
    }: {
      readonly baseBytes: number;
      readonly modelBytes: number;
      readonly loadingBytes: number;
    },
  ): Promise<void> | undefined {
    const { runMemoryBytes } = this.#options;
    if (runMemoryBytes === 0 || isMissing || pid === 0) return undefined;
    const wantedBytes = predictionFactor * modelBytes + loadingBytes;
    // Whoever is covered by a change under way waits for it too, or would overtake the one who asked.
    if (this.#cappedBytes > 0 && wantedBytes <= this.#cappedBytes) return this.#changing;
    this.#cappedBytes = Math.ceil(wantedBytes / stepBytes) * stepBytes;
    const limitBytes = Math.ceil(baseBytes + this.#cappedBytes + runMemoryBytes);
    // One after the other: the last to be asked for is the highest.
    const changing = (this.#changing ?? Promise.resolve()).then(() => this.#set(pid, limitBytes));
    this.#changing = changing;
    void changing.then(() => {
      if (this.#changing === changing) this.#changing = undefined;
    });
    return changing;
  }

  #set(pid: number, limitBytes: number): Promise<void> {
    // The soft limit only: a process may not raise its hard limit again, nor may its parent.
    const options = ["--pid", String(pid), `--data=${limitBytes}:`];
    return new Promise((resolve) => {
      execFile("prlimit", options, { timeout: 5_000 }, (error) => {
        if (error !== null && !isMissing) {
          isMissing = error.code === "ENOENT";
          const facts = { hostPid: pid, reason: error.message };
          // A host that has just ended cannot be limited, either; its exit says the rest.
          this.#options.log.warn(facts, "memory of an engine host was not capped");
        }
        resolve();
      });
    });
  }
}

import { execFile } from "node:child_process";
import type { EngineLog } from "../contract/engine-log.ts";
import { threadStackBytes } from "../process/thread-stacks.ts";

export interface MemoryCapOptions {
  /** Bytes that runs may take beyond the models; 0: no cap. */
  readonly runMemoryBytes: number;
  readonly log: EngineLog;
}

/** What models may take beyond what is predicted, before they are measured. */
const predictionFactor = 1.3;
/** Caps grow in steps, since a change costs the start of a process. */
const stepBytes = 256 * 1024 * 1024;
/** What a load needs beside its model for a moment: buffers in which files are read, above all. */
const loadRoomBytes = 64 * 1024 * 1024;

/** Whether this system has the program. Looked for once in the life of the server. */
let isMissing = false;

/** Sets the limit of a process; for tests, and for systems that have another way. Resolves with the error
 *  if it could not be set. */
export type SetDataLimit = (pid: number, limitBytes: number) => Promise<Error | undefined>;

/** Keeps one host from taking the memory of all others: the system refuses it more than its models and
 *  their runs should need (RLIMIT_DATA), which the engine reports as an error of the run. */
export class HostMemoryCap {
  readonly #options: MemoryCapOptions;
  readonly #setLimit: SetDataLimit;
  /** What the last limit that was asked for leaves to models; 0 before that. */
  #cappedBytes = 0;
  /** The same of the last that holds. */
  #heldBytes = 0;
  /** Model -> bytes of the stacks of its threads. */
  readonly #stacks = new Map<number, number>();
  /** A change that does not hold yet. */
  #changing: Promise<void> | undefined;

  constructor(options: MemoryCapOptions, setLimit: SetDataLimit = runPrlimit) {
    this.#options = options;
    this.#setLimit = setLimit;
  }

  /** Counts the stacks of the threads that compute the runs of `model` from the next `allow` on; 0: not any more,
   *  undefined: as before. */
  countThreads(model: number, threads: number | undefined): void {
    if (threads === undefined) return;
    const bytes = threadStackBytes(threads);
    if (bytes === 0) this.#stacks.delete(model);
    else this.#stacks.set(model, bytes);
  }

  /** Lets the host hold models of `modelBytes` in all, and `loadingBytes` more for loads that are under way.
   *  Never lowers: what runs have taken stays taken. `baseBytes`: what the system counts of the empty host.
   *  Resolves when it holds, or cannot be had; undefined if there is nothing to do. */
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
    if (!this.#canCap(pid)) return undefined;
    const wantedBytes = predictionFactor * modelBytes + loadingBytes + sum(this.#stacks.values());
    // Whoever is covered by a change under way waits for it too, or would overtake the one who asked.
    if (this.#cappedBytes > 0 && wantedBytes <= this.#cappedBytes) return this.#changing;
    this.#cappedBytes = Math.ceil(wantedBytes / stepBytes) * stepBytes;
    return this.#change(pid, this.#cappedBytes, baseBytes + this.#cappedBytes + runMemoryBytes);
  }

  /** Lets the host, which is empty, load a model that may turn out to take `mostBytes` on `threads` threads,
   *  and hardly more. Holds until `allow` is called, which may lower it. Resolves as `allow` does. */
  allowLoad(
    pid: number,
    load: {
      readonly baseBytes: number;
      readonly mostBytes: number;
      readonly loadingBytes: number;
      readonly threads: number;
    },
  ): Promise<void> | undefined {
    if (!this.#canCap(pid)) return undefined;
    const roomBytes = loadRoomBytes + load.loadingBytes + threadStackBytes(load.threads);
    return this.#change(pid, 0, load.baseBytes + predictionFactor * load.mostBytes + roomBytes);
  }

  #canCap(pid: number): boolean {
    return this.#options.runMemoryBytes > 0 && !isMissing && pid !== 0;
  }

  /** One after the other: the last to be asked for is the highest. */
  #change(pid: number, modelBytes: number, limitBytes: number): Promise<void> {
    const changing = (this.#changing ?? Promise.resolve()).then(() =>
      this.#set(pid, modelBytes, Math.ceil(limitBytes)),
    );
    this.#changing = changing;
    void changing.then(() => {
      if (this.#changing === changing) this.#changing = undefined;
    });
    return changing;
  }

  async #set(pid: number, modelBytes: number, limitBytes: number): Promise<void> {
    const error = await this.#setLimit(pid, limitBytes);
    if (error === undefined) {
      this.#heldBytes = modelBytes;
      this.#cappedBytes = Math.max(this.#cappedBytes, modelBytes);
      return;
    }
    if (isMissing) return;
    // Whoever asks next tries again.
    this.#cappedBytes = this.#heldBytes;
    isMissing = "code" in error && error.code === "ENOENT";
    // A host that has just ended cannot be limited, either; its exit says the rest.
    const facts = { hostPid: pid, reason: error.message };
    this.#options.log.warn(facts, "memory of an engine host was not capped");
  }
}

function sum(numbers: Iterable<number>): number {
  let total = 0;
  for (const number of numbers) total += number;
  return total;
}

function runPrlimit(pid: number, limitBytes: number): Promise<Error | undefined> {
  // The soft limit only: a process may not raise its hard limit again, nor may its parent.
  const options = ["--pid", String(pid), `--data=${limitBytes}:`];
  return new Promise((resolve) => {
    execFile("prlimit", options, { timeout: 5_000 }, (error) => resolve(error ?? undefined));
  });
}

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
const stepBytes = 64 * 1024 * 1024;
/** Room for runs is doubled from here on. Runs that take next to nothing, and all else that a host does, need
 *  this at least. */
const leastRunBytes = 128 * 1024 * 1024;
/** A limit is lowered only to where the host has so much left. */
const spareBytes = 64 * 1024 * 1024;
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
  /** What it leaves to runs: all that these may take, until it is known that they do not. */
  #runBytes: number;
  /** The same of the last that holds. */
  #heldRunBytes: number;
  /** A change that does not hold yet. */
  #changing: Promise<void> | undefined;

  constructor(options: MemoryCapOptions, setLimit: SetDataLimit = runPrlimit) {
    this.#options = options;
    this.#setLimit = setLimit;
    this.#runBytes = options.runMemoryBytes;
    this.#heldRunBytes = options.runMemoryBytes;
  }

  /** Lets the host take `bytes` for runs. Resolves when it may; undefined if it may already. */
  allowRuns(
    pid: number,
    { baseBytes, bytes }: { readonly baseBytes: number; readonly bytes: number },
  ): Promise<void> | undefined {
    if (!this.#canCap(pid) || bytes <= this.#heldRunBytes) return undefined;
    if (bytes <= this.#runBytes && this.#changing !== undefined) return this.#changing;
    this.#runBytes = this.#runStep(bytes);
    return this.#change(pid, this.#cappedBytes, this.#usualLimit(baseBytes));
  }

  /** Its runs need no more than `bytes` these days, and the system counts `dataBytes` of the host now. */
  lowerRuns(
    pid: number,
    {
      baseBytes,
      bytes,
      dataBytes,
    }: { readonly baseBytes: number; readonly bytes: number; readonly dataBytes: number },
  ): void {
    const runBytes = this.#runStep(bytes);
    const limitBytes = baseBytes + this.#cappedBytes + runBytes;
    // Without models there are no runs, and what the next load may take is its own to say.
    if (this.#cappedBytes === 0 || this.#changing !== undefined || !this.#canCap(pid)) return;
    if (runBytes >= this.#runBytes || dataBytes + spareBytes > limitBytes) return;
    this.#runBytes = runBytes;
    // The last to be asked for holds; until then nobody counts on it.
    this.#heldRunBytes = runBytes;
    void this.#change(pid, this.#cappedBytes, this.#usualLimit(baseBytes));
  }

  #runStep(bytes: number): number {
    let step = leastRunBytes;
    while (step < bytes) step *= 2;
    return Math.min(step, this.#options.runMemoryBytes);
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
    if (!this.#canCap(pid)) return undefined;
    const wantedBytes = predictionFactor * modelBytes + loadingBytes + sum(this.#stacks.values());
    // Whoever is covered by a change under way waits for it too, or would overtake the one who asked.
    if (this.#cappedBytes > 0 && wantedBytes <= this.#cappedBytes) return this.#changing;
    this.#cappedBytes = Math.ceil(wantedBytes / stepBytes) * stepBytes;
    return this.#change(pid, this.#cappedBytes, this.#usualLimit(baseBytes));
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
    const limitBytes = load.baseBytes + predictionFactor * load.mostBytes + roomBytes;
    return this.#change(pid, 0, () => limitBytes);
  }

  #canCap(pid: number): boolean {
    return this.#options.runMemoryBytes > 0 && !isMissing && pid !== 0;
  }

  /** For models, for runs, and for the host itself. */
  #usualLimit(baseBytes: number): (runBytes: number) => number {
    const modelBytes = this.#cappedBytes;
    return (runBytes) => baseBytes + modelBytes + runBytes;
  }

  /** One after the other: the last to be asked for holds. `limitOf`: with so much for runs. */
  #change(pid: number, modelBytes: number, limitOf: (runBytes: number) => number): Promise<void> {
    const changing = (this.#changing ?? Promise.resolve()).then(() => {
      const runBytes = this.#runBytes;
      return this.#set(pid, Math.ceil(limitOf(runBytes)), { modelBytes, runBytes });
    });
    this.#changing = changing;
    void changing.then(() => {
      if (this.#changing === changing) this.#changing = undefined;
    });
    return changing;
  }

  async #set(
    pid: number,
    limitBytes: number,
    { modelBytes, runBytes }: { readonly modelBytes: number; readonly runBytes: number },
  ): Promise<void> {
    const error = await this.#setLimit(pid, limitBytes);
    // Runs do not wait for what cannot be had: then the system refuses them what is too much.
    this.#heldRunBytes = runBytes;
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

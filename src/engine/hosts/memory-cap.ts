import { execFile } from "node:child_process";
import type { EngineLog } from "../contract/engine-log.ts";
import { threadStackBytes } from "../process/thread-stacks.ts";

export interface MemoryCapOptions {
  /** Bytes that runs may take beyond the models; 0: uncapped. */
  readonly runMemoryBytes: number;
  readonly log: EngineLog;
}

/** What models may take beyond their prediction, before they are measured. */
const predictionFactor = 1.3;
/** Caps grow in steps, since each change starts a process. */
const stepBytes = 64 * 1024 * 1024;
/** From here on, room for runs is doubled. Runs that take next to nothing, and the host's other work, need at
 *  least this much. */
const leastRunBytes = 128 * 1024 * 1024;
/** A limit is lowered only to where the host has this much left. */
const spareBytes = 64 * 1024 * 1024;
/** What a load needs beyond its model for a moment, mostly buffers for reading files. */
const loadRoomBytes = 64 * 1024 * 1024;

/** Whether this system has the program. Looked up once per server. */
let isMissing = false;

/** Sets a process's limit; replaced in tests, and on systems with another way to do it. Resolves with the
 *  error if the limit could not be set. */
export type SetDataLimit = (pid: number, limitBytes: number) => Promise<Error | undefined>;

/** Keeps one host from taking the memory of all others: the system refuses it more than its models and their
 *  runs should need (RLIMIT_DATA), and the engine reports that as a run's error. */
export class HostMemoryCap {
  readonly #options: MemoryCapOptions;
  readonly #setLimit: SetDataLimit;
  /** What the last requested limit leaves to models; 0 before the first. */
  #cappedBytes = 0;
  /** The same for the last limit in force. */
  #heldBytes = 0;
  /** Model -> bytes of its threads' stacks. */
  readonly #stacks = new Map<number, number>();
  /** What it leaves to runs: all that runs may take, until they are known to need less. */
  #runBytes: number;
  /** The same for the last limit in force. */
  #heldRunBytes: number;
  /** A requested change that is not in force yet. */
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

  /** Its runs currently need no more than `bytes`, and the system counts `dataBytes` for the host now. */
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
    // Without models there are no runs, and the next load requests what it needs itself.
    if (this.#cappedBytes === 0 || this.#changing !== undefined || !this.#canCap(pid)) return;
    if (runBytes >= this.#runBytes || dataBytes + spareBytes > limitBytes) return;
    this.#runBytes = runBytes;
    // The last request wins; no one relies on it before it is in force.
    this.#heldRunBytes = runBytes;
    void this.#change(pid, this.#cappedBytes, this.#usualLimit(baseBytes));
  }

  #runStep(bytes: number): number {
    let step = leastRunBytes;
    while (step < bytes) step *= 2;
    return Math.min(step, this.#options.runMemoryBytes);
  }

  /** From the next `allow` on, counts the stacks of the threads that compute runs of `model`; 0: no longer,
   *  undefined: as before. */
  countThreads(model: number, threads: number | undefined): void {
    if (threads === undefined) return;
    const bytes = threadStackBytes(threads);
    if (bytes === 0) this.#stacks.delete(model);
    else this.#stacks.set(model, bytes);
  }

  /** Lets the host hold models of `modelBytes` in total, and `loadingBytes` more for loads in progress. Never
   *  lowers the limit: what runs have taken stays taken. `baseBytes`: what the system counts for the empty
   *  host. Resolves when the limit is in force, or cannot be set; undefined if nothing changes. */
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
    // A caller that a pending change covers waits for it too; otherwise it would overtake the caller that
    // requested it.
    if (this.#cappedBytes > 0 && wantedBytes <= this.#cappedBytes) return this.#changing;
    this.#cappedBytes = Math.ceil(wantedBytes / stepBytes) * stepBytes;
    return this.#change(pid, this.#cappedBytes, this.#usualLimit(baseBytes));
  }

  /** Lets the host, which is empty, load a model that may turn out to take `mostBytes` on `threads` threads,
   *  and little more. In force until `allow` is called, which may lower it. Resolves as `allow` does. */
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

  /** One after the other: the last request wins. `limitOf`: the limit with this much for runs. */
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
    // Runs do not wait for a limit that cannot be set: then the system refuses what is too much.
    this.#heldRunBytes = runBytes;
    if (error === undefined) {
      this.#heldBytes = modelBytes;
      this.#cappedBytes = Math.max(this.#cappedBytes, modelBytes);
      return;
    }
    if (isMissing) return;
    // The next caller tries again.
    this.#cappedBytes = this.#heldBytes;
    isMissing = "code" in error && error.code === "ENOENT";
    // A host that has just ended cannot be limited either; its exit is reported separately.
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
  // Only the soft limit: neither a process nor its parent may raise its hard limit again.
  const options = ["--pid", String(pid), `--data=${limitBytes}:`];
  return new Promise((resolve) => {
    execFile("prlimit", options, { timeout: 5_000 }, (error) => resolve(error ?? undefined));
  });
}

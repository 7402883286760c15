import type { RuntimeError } from "../../base/errors.ts";
import type { HostKind } from "../contract/engine.ts";
import type { ProcessMemory } from "../process/memory-counters.ts";
import type { HostQueue, HostRun } from "../queue/host-queue.ts";
import type { RunBudget } from "../run-memory/budget.ts";
import type { HostShare } from "../run-memory/host-share.ts";
import type { RestedMessage } from "../wire/host-messages.ts";
import { decodeJson, frameKind } from "../wire/host-protocol.ts";
import type { HostProcess } from "./child-process.ts";
import { type HostLoad, killedFor } from "./load-call.ts";
import { HostMemoryCap, type MemoryCapOptions } from "./memory-cap.ts";
import type { MonitoredHost } from "./memory-monitor.ts";
import type { RunLimit } from "./run-limit.ts";

/** The host whose memory this is. */
export interface HostWithMemory {
  readonly process: Pick<
    HostProcess,
    "pid" | "isAlive" | "kill" | "call" | "memory" | "baseMemoryBytes" | "baseDataBytes"
  >;
  readonly queue: Pick<HostQueue, "front" | "isLoading">;
  readonly kind: HostKind;
  /** What its models take. */
  readonly committedBytes: number;
  /** Whether it is loading the model that it is dedicated to. */
  readonly loadsAlone: boolean;
}

export interface HostMemoryParts extends MemoryCapOptions {
  /** The budget of run memory; undefined: unlimited. */
  readonly runBudget: RunBudget | undefined;
  readonly watch: Pick<RunLimit, "giveUpFront">;
  /** What a shared host may waste. */
  readonly maxWasteBytes: number;
}

type LoadMemory = Pick<HostLoad, "loadingBytes" | "mostBytes" | "threads">;

/** Less than this is not significant. */
const leastKeptBytes = 4 * 1024 * 1024;
/** JavaScript's heap and pages that the allocator cannot give back. More than this is not at rest. */
const mostRestBytes = 12 * 1024 * 1024;
/** A killed run's host has also kept memory of earlier runs, so its figure teaches no more than this multiple of what
 *  was expected. */
const mostLesson = 2;

/** The memory of one host: what its runs were admitted for, and what it has taken. */
export class HostMemory implements MonitoredHost {
  readonly share: HostShare | undefined;
  readonly #host: HostWithMemory;
  readonly #parts: HostMemoryParts;
  readonly #cap: HostMemoryCap;
  #isResting = false;
  #crowded: HostRun | undefined;
  /** What the host held beyond its model when it was last at rest. */
  #restBytes = 0;

  constructor(host: HostWithMemory, parts: HostMemoryParts) {
    this.#host = host;
    this.#parts = parts;
    this.#cap = new HostMemoryCap(parts);
    this.share = parts.runBudget?.share();
    if (this.share !== undefined) this.share.onPressure = () => this.#rest();
  }

  get admittedBytes(): number {
    return this.share?.bytes ?? 0;
  }

  get isRunning(): boolean {
    return this.#host.queue.front !== undefined;
  }

  get isLoading(): boolean {
    return this.#host.queue.isLoading || this.#host.loadsAlone;
  }

  get heldBytes(): number | undefined {
    const { process, kind, committedBytes } = this.#host;
    const { baseMemoryBytes } = process;
    // A dedicated host's model is charged for the whole host.
    if (kind === "dedicated") return committedBytes + this.#restBytes;
    if (baseMemoryBytes === undefined) return undefined;
    return baseMemoryBytes + committedBytes + this.#parts.maxWasteBytes;
  }

  /** As `HostMemoryCap.countThreads`. */
  countThreads(model: number, threads: number | undefined): void {
    this.#cap.countThreads(model, threads);
  }

  /** For the models that are here or admitted, and for a load: these come one after the other. A load that
   *  comes alone may be unbounded. */
  allow(load?: LoadMemory): Promise<void> | undefined {
    const { pid, baseDataBytes: baseBytes } = this.#host.process;
    if (baseBytes === undefined) return undefined;
    const { loadingBytes = 0, mostBytes, threads = 1 } = load ?? {};
    const modelBytes = this.#host.committedBytes;
    return mostBytes === undefined
      ? this.#cap.allow(pid, { baseBytes, modelBytes, loadingBytes })
      : this.#cap.allowLoad(pid, { baseBytes, mostBytes, loadingBytes, threads });
  }

  /** Lets the host take this many bytes for runs. Resolves when it may; undefined if it may already. */
  allowRuns(bytes: number): Promise<void> | undefined {
    const { pid, baseDataBytes: baseBytes } = this.#host.process;
    return baseBytes === undefined ? undefined : this.#cap.allowRuns(pid, { baseBytes, bytes });
  }

  /** What the host keeps of its runs' memory, given its private memory. */
  keptOf(memoryBytes: number): number {
    const keptBytes = memoryBytes - (this.heldBytes ?? memoryBytes);
    return keptBytes >= leastKeptBytes ? keptBytes : 0;
  }

  lookAtKept(): void {
    if (this.share === undefined || this.share.keptBytes === 0) return;
    const { anonymousBytes } = this.readMemory() ?? {};
    if (anonymousBytes !== undefined) this.share.keep(this.keptOf(anonymousBytes));
  }

  readMemory(): ProcessMemory | undefined {
    const { isAlive, memory } = this.#host.process;
    return isAlive ? memory.read() : undefined;
  }

  endIdle(why: string): void {
    void this.#host.process.kill(killedFor(why));
  }

  /** The run for which the host was killed although it may have had too little memory because of others. */
  get crowded(): HostRun | undefined {
    return this.#crowded;
  }

  endRun(reason: RuntimeError, bytes: number): void {
    const { front } = this.#host.queue;
    front?.noteTaken?.(Math.min(bytes, mostLesson * this.admittedBytes));
    if (front?.hasAll === false) this.#crowded = front;
    else this.#parts.watch.giveUpFront(reason);
    this.endIdle(reason.message);
  }

  lowerCap(bytes: number, dataBytes: number): void {
    const { pid, baseDataBytes: baseBytes } = this.#host.process;
    if (baseBytes !== undefined) this.#cap.lowerRuns(pid, { baseBytes, bytes, dataBytes });
  }

  /** Tells the host to give back free memory. What it holds afterwards is not attributed to runs. */
  #rest(): void {
    // Memory given back during a load would be subtracted from the model's size.
    if (this.#isResting || this.isLoading) return;
    this.#isResting = true;
    const call = this.#host.process.call({
      kind: frameKind.rest,
      model: 0,
      chunks: [],
      answer: frameKind.rested,
      read: decodeJson<RestedMessage>,
    });
    const end = () => {
      this.#isResting = false;
      this.#noteRest();
      this.share?.keep(0);
    };
    call.then(end, end);
  }

  #noteRest(): void {
    const { anonymousBytes } = this.readMemory() ?? {};
    // A run that has begun meanwhile would be taken for rest.
    if (anonymousBytes === undefined || this.isRunning) return;
    const restBytes = anonymousBytes - this.#host.committedBytes;
    this.#restBytes = Math.max(0, Math.min(mostRestBytes, restBytes));
  }
}

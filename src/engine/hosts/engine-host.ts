import { Cancellation } from "../../base/cancel-signal.ts";
import { RuntimeError } from "../../base/errors.ts";
import type { HostKind } from "../contract/engine.ts";
import { HostLostError, type PartInLoss } from "../contract/host-lost-error.ts";
import { anonymousBytesOf } from "../process/memory-counters.ts";
import { HostQueue, type HostRun } from "../queue/host-queue.ts";
import { joiningOf } from "../queue/joining-of.ts";
import type { RunBudget } from "../run-memory/budget.ts";
import type { ReleasedMessage } from "../wire/host-messages.ts";
import { decodeJson, frameKind } from "../wire/host-protocol.ts";
import type { HostProcess } from "./child-process.ts";
import { HostedModel, type HostOfModel } from "./hosted-model.ts";
import { type HostLoad, killedFor } from "./load-call.ts";
import { HostLoader, type HostLoaderOptions } from "./loader.ts";
import { HostMemory } from "./memory.ts";
import { ReleaseLimit } from "./release-limit.ts";
import { RunLimit } from "./run-limit.ts";
import type { Adoption, Vacated } from "./vacate.ts";

/** A model in this host, and how it was loaded. */
interface Resident {
  readonly model: HostedModel;
  readonly load: HostLoad;
}

export interface EngineHostOptions extends HostLoaderOptions {
  readonly kind: HostKind;
  /** What runs may take beyond the models before they fail; 0: unlimited. */
  readonly runMemoryBytes: number;
  /** As in `HostPoolOptions`. */
  readonly maxWasteBytes: number;
  /** Shared with all other hosts; undefined: unlimited. */
  readonly runBudget: RunBudget | undefined;
  /** Moves the models of a busy host elsewhere, except `stuck`. */
  vacate(host: EngineHost, stuck: object | undefined): Promise<Vacated>;
}

const never = new Cancellation();

/** One host process with the models in it. */
export class EngineHost implements HostOfModel {
  readonly process: HostProcess;
  readonly memory: HostMemory;
  /** Set by the pool, before any load. */
  kind: HostKind;
  readonly queue = new HostQueue();
  readonly #options: EngineHostOptions;
  /** No more models are placed here, and the present ones move to other hosts. Set by the pool. */
  isLeaving = false;
  /** The host ends because its models have moved. Set by the pool. */
  wasRecycled = false;
  readonly #models = new Map<number, Resident>();
  /** Model -> its measured bytes, or its estimate while it loads. Changed by `#commit` only. */
  readonly #bytes = new Map<number, number>();
  /** The sum of these: what models take here, loads in progress by their estimates. */
  committedBytes = 0;
  #lastModel = 0;
  /** Whether it is loading the model that it is dedicated to. */
  loadsAlone = false;
  /** In progress: its models move elsewhere, so that it can be ended. */
  #vacating: Promise<Vacated> | undefined;
  readonly #watch: RunLimit;
  readonly #loader: HostLoader;

  constructor(process: HostProcess, options: EngineHostOptions) {
    this.process = process;
    this.kind = options.kind;
    this.#options = options;
    process.onGone = (error) => this.#loseAll(error);
    this.#watch = new RunLimit({
      queue: this.queue,
      graceMs: options.killGraceMs,
      kill: (why, run) => void this.endUnwanted(why, () => this.queue.front !== run, run.owner),
    });
    this.memory = new HostMemory(this, { ...options, watch: this.#watch });
    this.#loader = new HostLoader(this, options);
  }

  get modelCount(): number {
    return this.#models.size;
  }

  /** Inferences of its models that are not yet sent to the host. */
  get waitingRuns(): number {
    let count = 0;
    for (const { model } of this.#models.values()) count += model.waitingRuns;
    return count;
  }

  /** The part of `committedBytes` that loaded models take. */
  get residentBytes(): number {
    return [...this.#models.keys()].reduce((sum, model) => sum + (this.#bytes.get(model) ?? 0), 0);
  }

  /** Whether a run is in progress. */
  get isAtRun(): boolean {
    return this.queue.front !== undefined;
  }

  /** What the host has taken beyond its initial memory and what its models count for; undefined if the system
   *  does not report it. */
  async wasteBytes(): Promise<number | undefined> {
    const { baseMemoryBytes, pid } = this.process;
    const memoryBytes = await anonymousBytesOf(pid);
    if (memoryBytes === undefined || baseMemoryBytes === undefined) return undefined;
    this.process.memoryBytes = memoryBytes;
    return memoryBytes - baseMemoryBytes - this.committedBytes;
  }

  /** As `Engine.load`. A dedicated host takes one load in its life, and a failed load ends it. */
  async load(load: HostLoad): Promise<HostedModel> {
    const number = ++this.#lastModel;
    this.#commit(number, load.source.estimatedBytes, load.threads);
    try {
      const { inputs, outputs, measuredBytes, warmupMs } =
        this.kind === "dedicated"
          ? await this.#loader.loadAlone(number, load)
          : await this.#loader.loadBesideOthers(number, load);
      const sizeBytes = load.sizeOf(measuredBytes);
      const { platform, tabular, source } = load;
      const facts = { ...(tabular && { tabular }), ...(source.text && { text: source.text }) };
      const metadata = { platform, ...facts, inputs, outputs };
      const joining = joiningOf(metadata, load.settings, load.joining);
      const hosted = { sizeBytes, measuredBytes, warmupMs, metadata, joining };
      const model = new HostedModel(this, number, hosted, load);
      this.#models.set(number, { model, load });
      this.#commit(number, sizeBytes);
      // A model may be bigger than predicted; its runs' share comes on top of its actual size.
      void this.memory.allow();
      return model;
    } catch (error) {
      this.#commit(number, 0);
      throw error;
    }
  }

  /** Loads another copy of each model of `former`, also a shared host, one after the other, and moves them
   *  here. Rejects as `load` does; then the remaining models stay where they are. */
  async adoptFrom(former: EngineHost, { isBusy, stuck }: Adoption): Promise<void> {
    for (const resident of former.#models.values()) {
      const { model, load } = resident;
      if (model === stuck) continue;
      const number = ++this.#lastModel;
      this.#commit(number, model.sizeBytes, load.threads);
      try {
        await this.#loader.loadBesideOthers(number, { ...load, signal: never });
      } catch (error) {
        this.#commit(number, 0);
        throw error;
      }
      this.#models.set(number, resident);
      const left = model.moveTo(this, number) ?? this.release(model, number);
      if (!isBusy) await left;
    }
  }

  forget(number: number): void {
    this.#models.delete(number);
  }

  async release(model: HostedModel, number: number): Promise<void> {
    // First, so that the host's end does not count as the loss of this model.
    this.forget(number);
    if (this.kind === "dedicated") {
      await this.process.kill(new RuntimeError("aborted", "the model was unloaded"));
    } else await this.#releaseBesideOthers(model, number);
    this.#commit(number, 0);
  }

  /** 0: the model takes nothing any more. `threads`: if they are not counted yet. */
  #commit(model: number, bytes: number, threads?: number): void {
    this.memory.countThreads(model, bytes === 0 ? 0 : threads);
    this.committedBytes += bytes - (this.#bytes.get(model) ?? 0);
    if (bytes === 0) this.#bytes.delete(model);
    else this.#bytes.set(model, bytes);
  }

  /** Moves the other models out of the host, whose current work cannot be stopped without ending it. */
  vacate(stuck?: object): Promise<Vacated> {
    if (this.kind === "dedicated" || this.#models.size === 0) return Promise.resolve("moved");
    this.#vacating ??= this.#options
      .vacate(this, stuck)
      .finally(() => (this.#vacating = undefined));
    return this.#vacating;
  }

  /** Ends the host because of unwanted work: its models move first, if anything can take them. */
  async endUnwanted(why: string, isOver: () => boolean, stuck?: object): Promise<void> {
    await this.vacate(stuck);
    if (!isOver()) await this.process.kill(killedFor(why));
  }

  async #releaseBesideOthers(model: HostedModel, number: number): Promise<void> {
    let isOver = false;
    const watch = new ReleaseLimit({
      queue: this.queue,
      owner: model,
      graceMs: this.#options.killGraceMs,
      kill: (why) => void this.endUnwanted(why, () => isOver),
    });
    try {
      await this.callRelease(number);
    } catch {
      // The host is gone, and its memory with it.
    } finally {
      isOver = true;
      watch.stop();
    }
  }

  /** Has the process release a model, and waits for it. */
  async callRelease(number: number): Promise<void> {
    const { memoryBytes } = await this.process.call({
      kind: frameKind.release,
      model: number,
      chunks: [],
      answer: frameKind.released,
      read: decodeJson<ReleasedMessage>,
    });
    this.process.memoryBytes = memoryBytes;
  }

  #loseAll(error: RuntimeError): void {
    this.#watch.stop();
    this.memory.share?.close();
    const last = this.queue.noteDeath((run) => this.#partOf(run));
    for (const model of this.#bytes.keys()) this.#commit(model, 0);
    const residents = [...this.#models.values()];
    this.#models.clear();
    // During shutdown no one should load the models again.
    if (error.kind === "shutting-down") return;
    for (const { model } of residents) {
      const part = last?.run.owner === model ? last.part : "bystander";
      model.lose(new HostLostError(part, error));
    }
  }

  #partOf(run: HostRun): PartInLoss {
    if (run === this.memory.crowded) return "crowded";
    // The kernel kills by SIGKILL when memory is short; so do we, and operators. Engines crash otherwise.
    return run === this.#watch.hung || this.process.exitSignal !== "SIGKILL"
      ? "caused"
      : "suspected";
  }
}

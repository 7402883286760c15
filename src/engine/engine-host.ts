import { abortable } from "../abort.ts";
import { RuntimeError } from "../errors.ts";
import type { RunSettings } from "../run-settings.ts";
import type { HostKind, ModelSource } from "./engine.ts";
import { HostLostError, type PartInLoss } from "./host-lost-error.ts";
import type { LoadedMessage, LoadMessage, ReleasedMessage } from "./host-messages.ts";
import type { HostProcess } from "./host-process.ts";
import { decodeJson, encodeJson, frameKind } from "./host-protocol.ts";
import { HostQueue, type HostRun } from "./host-queue.ts";
import { HostedModel, type HostOfModel } from "./hosted-model.ts";
import { RunWatch } from "./run-watch.ts";

export interface HostLoad {
  readonly source: ModelSource;
  readonly platform: string;
  readonly threads: number;
  readonly settings: RunSettings;
  readonly signal: AbortSignal;
  /** The size to report, from what the host measured. */
  sizeOf(measuredBytes: number | undefined): number;
}

/** So many grace periods has a model of others to finish its run before an unload ends the host. */
const graceOfOthers = 5;

/** One host process with the models in it. */
export class EngineHost implements HostOfModel {
  readonly process: HostProcess;
  /** Set by the pool, before any load. */
  kind: HostKind;
  readonly queue = new HostQueue();
  readonly #killGraceMs: number;
  readonly #models = new Map<number, HostedModel>();
  /** Model -> its measured bytes, or the estimate while it loads. Changed by `#commit` only. */
  readonly #bytes = new Map<number, number>();
  /** The sum of these. */
  #committedBytes = 0;
  #lastModel = 0;
  readonly #watch: RunWatch;

  constructor(process: HostProcess, options: { kind: HostKind; killGraceMs: number }) {
    this.process = process;
    this.kind = options.kind;
    this.#killGraceMs = options.killGraceMs;
    process.onGone = (error) => this.#loseAll(error);
    this.#watch = new RunWatch({
      queue: this.queue,
      graceMs: options.killGraceMs,
      kill: (why) => void process.kill(killedFor(why)),
    });
  }

  get modelCount(): number {
    return this.#models.size;
  }

  /** Inferences of its models that the host has not got. */
  get waitingRuns(): number {
    let count = 0;
    for (const model of this.#models.values()) count += model.waitingRuns;
    return count;
  }

  /** Memory that models take here, loads under way by their estimates. */
  get committedBytes(): number {
    return this.#committedBytes;
  }

  /** As `Engine.load`. In a dedicated host, which takes one load in its life, a failure ends the host. */
  async load(load: HostLoad): Promise<HostedModel> {
    const number = ++this.#lastModel;
    this.#commit(number, load.source.estimatedBytes);
    try {
      const { inputs, outputs, measuredBytes } =
        this.kind === "dedicated"
          ? await this.#loadAlone(number, load)
          : await this.#loadBesideOthers(number, load);
      const sizeBytes = load.sizeOf(measuredBytes);
      const metadata = { platform: load.platform, inputs, outputs };
      const { settings } = load;
      const facts = { number, sizeBytes, measuredBytes, metadata, settings };
      const model = new HostedModel(this, facts);
      this.#models.set(number, model);
      this.#commit(number, sizeBytes);
      return model;
    } catch (error) {
      this.#commit(number, 0);
      throw error;
    }
  }

  /** Frees a model's memory and resolves when it is free. */
  async release(model: HostedModel): Promise<void> {
    // First, so that the end of the host is not the loss of this model.
    this.#models.delete(model.number);
    if (this.kind === "dedicated") {
      await this.process.kill(new RuntimeError("aborted", "the model was unloaded"));
    } else await this.#releaseBesideOthers(model);
    this.#commit(model.number, 0);
  }

  /** 0: the model takes nothing any more. */
  #commit(model: number, bytes: number): void {
    this.#committedBytes += bytes - (this.#bytes.get(model) ?? 0);
    if (bytes === 0) this.#bytes.delete(model);
    else this.#bytes.set(model, bytes);
  }

  async #loadAlone(number: number, load: HostLoad): Promise<LoadedMessage> {
    const { signal } = load;
    const abort = () => void this.process.kill(cancelled());
    signal.addEventListener("abort", abort, { once: true });
    let isSent = false;
    try {
      signal.throwIfAborted();
      await this.process.ready;
      isSent = true;
      const message = await this.#callLoad(number, load);
      signal.throwIfAborted();
      return message;
    } catch (error) {
      await this.process.kill(cancelled());
      if (signal.aborted) throw signal.reason;
      throw isSent ? error : notReached(error);
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  async #loadBesideOthers(number: number, load: HostLoad): Promise<LoadedMessage> {
    const { signal } = load;
    let timer: NodeJS.Timeout | undefined;
    let isSent = false;
    const abort = () => {
      timer = setTimeout(
        () => void this.process.kill(killedFor("a cancelled load did not end")),
        this.#killGraceMs,
      );
    };
    try {
      await abortable(this.process.ready, signal);
      const message = await this.queue.load(() => {
        isSent = this.process.isAlive;
        signal.addEventListener("abort", abort, { once: true });
        return this.#callLoad(number, load);
      }, signal);
      if (signal.aborted) await this.#callRelease(number);
      signal.throwIfAborted();
      return message;
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      throw isSent ? error : notReached(error);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
    }
  }

  async #callLoad(number: number, { source, threads }: HostLoad): Promise<LoadedMessage> {
    const ownsHost = this.kind === "dedicated";
    const { format, file } = source;
    const message: LoadMessage = { format, file, threads, ownsHost };
    const answer = await this.process.call({
      kind: frameKind.load,
      model: number,
      chunks: encodeJson(message),
      answer: frameKind.loaded,
      read: decodeJson<LoadedMessage>,
    });
    this.process.memoryBytes = answer.memoryBytes;
    return answer;
  }

  async #releaseBesideOthers(model: HostedModel): Promise<void> {
    const watch = this.#watchRelease(model);
    try {
      await this.#callRelease(model.number);
    } catch {
      // The host is gone, and with it the memory.
    } finally {
      clearInterval(watch);
    }
  }

  /** Kills the host if the model's own run, or one that nobody waits for, keeps it from letting go. The
   *  wanted run of another model gets more time: an unload should not cost its caller the result. */
  #watchRelease(model: HostedModel): NodeJS.Timeout {
    let periods = 0;
    return setInterval(() => {
      periods++;
      const front = this.queue.front;
      const isOfOthers = front?.isWanted === true && front.owner !== model;
      if (isOfOthers && periods < graceOfOthers) return;
      void this.process.kill(killedFor("a model did not stop for its unload"));
    }, this.#killGraceMs);
  }

  async #callRelease(number: number): Promise<void> {
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
    const last = this.queue.noteDeath();
    for (const model of this.#bytes.keys()) this.#commit(model, 0);
    const models = [...this.#models.values()];
    this.#models.clear();
    // On shutdown nobody is to load the models again.
    if (error.kind === "shutting-down") return;
    for (const model of models) {
      const isPartOfIt = last !== undefined && last.owner === model;
      model.lose(new HostLostError(isPartOfIt ? this.#partOf(last) : "bystander", error));
    }
  }

  #partOf(run: HostRun): PartInLoss {
    // The kernel kills by SIGKILL when memory is short; so do we, and people. Engines crash otherwise.
    return run === this.#watch.hung || this.process.exitSignal !== "SIGKILL"
      ? "caused"
      : "suspected";
  }
}

function cancelled(): RuntimeError {
  return new RuntimeError("cancelled", "the load was given up");
}

function killedFor(why: string): RuntimeError {
  return new RuntimeError("host-lost", `the engine host was killed: ${why}`);
}

/** The host was lost before it came to the model, which thus had no part in it. */
function notReached(error: unknown): unknown {
  if (!(error instanceof RuntimeError) || error.kind !== "host-lost") return error;
  return new RuntimeError("temporarily-unavailable", error.message, { cause: error });
}

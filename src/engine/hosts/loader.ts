import { abortable } from "../../base/abort.ts";
import { RuntimeError } from "../../base/errors.ts";
import type { TensorSpec } from "../../base/tensor.ts";
import type { HostKind } from "../contract/engine.ts";
import type { EngineLog } from "../contract/engine-log.ts";
import { HostLostError } from "../contract/host-lost-error.ts";
import type { HostQueue } from "../queue/host-queue.ts";
import type {
  LoadedMessage,
  LoadMessage,
  MeasuredMemory,
  WarmedMessage,
  WarmUpMessage,
} from "../wire/host-messages.ts";
import { decodeJson, encodeJson, frameKind } from "../wire/host-protocol.ts";
import type { HostProcess } from "./child-process.ts";
import { cancelled, type HostLoad, killedFor, type LoadAnswer, notReached } from "./load-call.ts";
import type { HostMemory } from "./memory.ts";
import type { Vacated } from "./vacate.ts";
import { WarmUpLimit } from "./warm-up-limit.ts";

/** The host that loads. */
export interface LoadingHost {
  readonly process: HostProcess;
  readonly memory: HostMemory;
  readonly queue: HostQueue;
  readonly kind: HostKind;
  /** Loaded models. */
  readonly modelCount: number;
  /** Set here. */
  loadsAlone: boolean;
  /** As `EngineHost.vacate`. */
  vacate(): Promise<Vacated>;
  /** As `EngineHost.endUnwanted`. */
  endUnwanted(why: string, isOver: () => boolean): Promise<void>;
  /** Has the process release a model. */
  callRelease(number: number): Promise<void>;
}

export interface HostLoaderOptions {
  readonly killGraceMs: number;
  readonly warmupTimeoutMs: number;
  readonly log: EngineLog;
}

/** Up to this size, a model's warm-up is sent with its load, which saves a round trip. A larger model's is
 *  sent only when it is loaded, so that an abandoned load ends without it. */
const sentTogetherBytes = 1024 * 1024;
/** An abandoned load gets this many grace periods to end by itself where others would lose their host. */
const graceBesideOthers = 5;

/** Loads models in one host, warm-up included, and ends what its client has abandoned. */
export class HostLoader {
  readonly #host: LoadingHost;
  readonly #options: HostLoaderOptions;

  constructor(host: LoadingHost, options: HostLoaderOptions) {
    this.#host = host;
    this.#options = options;
  }

  /** Loads the model that a dedicated host is for. A failed load ends the host. */
  async loadAlone(number: number, load: HostLoad): Promise<LoadAnswer> {
    const { signal } = load;
    const abort = () => void this.#host.process.kill(cancelled());
    signal.addEventListener("abort", abort, { once: true });
    let isSent = false;
    this.#host.loadsAlone = true;
    try {
      signal.throwIfAborted();
      await this.#host.process.ready;
      await this.#host.memory.allow(load);
      isSent = true;
      const message = await this.#callLoad(number, load);
      signal.throwIfAborted();
      return message;
    } catch (error) {
      await this.#host.process.kill(cancelled());
      if (signal.aborted) throw signal.reason;
      throw isSent ? error : notReached(error);
    } finally {
      this.#host.loadsAlone = false;
      signal.removeEventListener("abort", abort);
    }
  }

  /** Loads a model when the host does nothing else. The other models stay. */
  async loadBesideOthers(number: number, load: HostLoad): Promise<LoadAnswer> {
    const { signal } = load;
    let timer: NodeJS.Timeout | undefined;
    let isSent = false;
    let isOver = false;
    const abort = () => {
      timer = setTimeout(
        () => void this.#host.endUnwanted("a cancelled load did not end", () => isOver),
        this.#options.killGraceMs * (this.#host.modelCount > 0 ? graceBesideOthers : 1),
      );
    };
    try {
      await abortable(this.#host.process.ready, signal);
      const allowed = this.#host.memory.allow(load);
      if (allowed !== undefined) await allowed;
      const message = await this.#host.queue.load(() => {
        isSent = this.#host.process.isAlive;
        signal.addEventListener("abort", abort, { once: true });
        return this.#callLoad(number, load);
      }, signal);
      if (signal.aborted) await this.#host.callRelease(number);
      signal.throwIfAborted();
      return message;
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      throw isSent ? this.#lossOfLoad(error) : notReached(error);
    } finally {
      isOver = true;
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
    }
  }

  async #callLoad(number: number, load: HostLoad): Promise<LoadAnswer> {
    const { source, threads, settings, signal, usualBytes } = load;
    const ownsHost = this.#host.kind === "dedicated";
    const isWarmedUp = load.warmupRows > 0 && settings.warmupBatchSize > 0;
    const { format, file, hasDataFiles, dataFiles, dataFolder, choices, estimatedBytes } = source;
    const access = { roots: dataFolder?.roots, hasDataFiles, dataFiles };
    const options = { access, choices, threads, usualBytes };
    const message: LoadMessage = { format, file, ...options, ownsHost, isWarmedUp };
    const loading = this.#host.process.call({
      kind: frameKind.load,
      model: number,
      chunks: encodeJson(message),
      answer: frameKind.loaded,
      read: decodeJson<LoadedMessage>,
    });
    const isSentTogether = isWarmedUp && estimatedBytes < sentTogetherBytes;
    let warming = isSentTogether ? this.#callWarmUp(number, load) : undefined;
    // If the load fails, its warm-up fails with it, and no one awaits that.
    warming?.catch(() => {});
    const { inputs, outputs, memory } = await loading;
    if (memory !== undefined) {
      return { inputs, outputs, measuredBytes: this.#note(memory), warmupMs: 0 };
    }
    if (signal.aborted) return { inputs, outputs, measuredBytes: undefined, warmupMs: 0 };
    const startMs = performance.now();
    warming ??= this.#callWarmUp(number, load);
    const measuredBytes = await this.#endOfWarmUp(warming, load, inputs);
    return { inputs, outputs, measuredBytes, warmupMs: performance.now() - startMs };
  }

  #callWarmUp(
    number: number,
    { settings, warmupRows, usualBytes }: HostLoad,
  ): Promise<WarmedMessage> {
    const joinedRows = Math.max(1, settings.maxBatchSize);
    const message: WarmUpMessage = {
      mostRows: Math.min(settings.warmupBatchSize, joinedRows, warmupRows),
      ownsHost: this.#host.kind === "dedicated",
      usualBytes,
    };
    return this.#host.process.call({
      kind: frameKind.warmUp,
      model: number,
      chunks: encodeJson(message),
      answer: frameKind.warmed,
      read: decodeJson<WarmedMessage>,
    });
  }

  /** Resolves with the measured bytes. */
  async #endOfWarmUp(
    warming: Promise<WarmedMessage>,
    { source, runs }: HostLoad,
    inputs: readonly TensorSpec[],
  ): Promise<number | undefined> {
    const { log, warmupTimeoutMs } = this.#options;
    const limit = new WarmUpLimit({
      limitMs: warmupTimeoutMs,
      vacate: () => this.#host.vacate(),
      kill: (why) => void this.#host.process.kill(killedFor(why)),
    });
    try {
      const { outcome, memory, peakBytes } = await warming;
      if (outcome.tag !== "warmed") {
        log.warn({ file: source.file, ...outcome }, "model was not warmed up");
      } else if (peakBytes !== undefined) runs.learnWarmUp(inputs, outcome.rows, peakBytes);
      return this.#note(memory);
    } finally {
      limit.stop();
    }
  }

  /** Returns how much the host grew. It may have shrunk: then the model fitted into free memory. */
  #note({ measuredBytes, memoryBytes }: MeasuredMemory): number | undefined {
    this.#host.process.memoryBytes = memoryBytes;
    return measuredBytes === undefined ? undefined : Math.max(0, measuredBytes);
  }

  /** As `error`; if it reports a lost host, with the part that the load had in it. */
  #lossOfLoad(error: unknown): unknown {
    if (!(error instanceof RuntimeError) || error.kind !== "host-lost") return error;
    const { isKilledHere, exitSignal } = this.#host.process;
    const part = isKilledHere || exitSignal !== "SIGKILL" ? "caused" : "suspected";
    return new HostLostError(part, error);
  }
}

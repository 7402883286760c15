import type { CancelSignal } from "../../base/cancel-signal.ts";
import { RuntimeError } from "../../base/errors.ts";
import type { Tensor, TensorSpec } from "../../base/tensor.ts";
import type { RunSettings } from "../../config/run-settings.ts";
import type {
  EngineRequest,
  Joining,
  LoadedModel,
  ModelMetadata,
  RunMeter,
} from "../contract/engine.ts";
import type { HostLostError } from "../contract/host-lost-error.ts";
import type { HostQueue } from "../queue/host-queue.ts";
import type { JoiningEnd } from "../queue/join-guard.ts";
import type { JoiningTerms } from "../queue/joining-of.ts";
import { ModelQueue } from "../queue/model-queue.ts";
import type { ModelQueueOptions, RunAnswer } from "../queue/queue-options.ts";
import { RunAdmission } from "../run-memory/admission.ts";
import type { ModelRuns } from "../run-memory/model-runs.ts";
import {
  decodeTensors,
  encodeTensors,
  frameKind,
  type IndexedTensor,
} from "../wire/host-protocol.ts";
import type { HostProcess } from "./child-process.ts";
import type { HostMemory } from "./memory.ts";

// Made once: every unload needs one, and capturing a stack costs more than the rest of it.
const unloaded = new RuntimeError("aborted", "the model was unloaded");

/** What a model needs from its host. `number`: the model's number in that host. */
export interface HostOfModel {
  readonly process: HostProcess;
  readonly queue: HostQueue;
  readonly memory: Pick<HostMemory, "share" | "keptOf" | "allowRuns">;
  /** From now on, the host's end does not count as the loss of the model. */
  forget(number: number): void;
  /** Frees the model's memory and resolves when it is free. */
  release(model: HostedModel, number: number): Promise<void>;
}

interface Waiter {
  resolve(outputs: Tensor[]): void;
  reject(reason: unknown): void;
}

/** One copy of the model in one host. */
interface Place {
  readonly host: HostOfModel;
  readonly number: number;
  readonly queue: ModelQueue;
  /** Requests that have no response yet. */
  runs: number;
  /** Called when there are none left. */
  onIdle: () => void;
  released: Promise<void> | undefined;
}

export interface HostedModelFacts {
  readonly sizeBytes: number;
  readonly measuredBytes: number | undefined;
  readonly warmupMs: number;
  readonly metadata: ModelMetadata;
  readonly joining: Joining;
}

/** What a load determines about how the model runs. */
export interface RunTerms {
  readonly settings: RunSettings;
  readonly meter: RunMeter | undefined;
  readonly joining: JoiningTerms;
  /** What its runs take, shared by all hosts. */
  readonly runs: ModelRuns;
}

/** A model in an engine host. It may move to another host while it is in use. */
export class HostedModel implements LoadedModel {
  readonly metadata: ModelMetadata;
  readonly sizeBytes: number;
  readonly measuredBytes: number | undefined;
  readonly warmupMs: number;
  readonly lost: Promise<HostLostError>;
  /** Resolves when no host will load it again: it was unloaded, or lost. Never rejects. */
  readonly ended: Promise<void>;
  readonly #neededInputs: number;
  readonly #terms: RunTerms;
  readonly #inputs: ReadonlyMap<string, number>;
  readonly #outputs: ReadonlyMap<string, number>;
  readonly #lost = Promise.withResolvers<HostLostError>();
  readonly #ended = Promise.withResolvers<void>();
  #isLost = false;
  #joining: Joining;
  #place: Place;
  /** The previous copy after a move, for as long as it has runs. */
  #former: Place | undefined;
  #unloaded: Promise<void> | undefined;

  /** `number`: the model's number in `host`. */
  constructor(host: HostOfModel, number: number, facts: HostedModelFacts, terms: RunTerms) {
    const { sizeBytes, measuredBytes, metadata } = facts;
    this.#terms = terms;
    this.#joining = facts.joining;
    this.warmupMs = facts.warmupMs;
    this.sizeBytes = sizeBytes;
    this.measuredBytes = measuredBytes;
    this.metadata = metadata;
    this.lost = this.#lost.promise;
    this.ended = this.#ended.promise;
    this.#neededInputs = metadata.inputs.filter(({ isOptional }) => !isOptional).length;
    this.#inputs = positions(metadata.inputs);
    this.#outputs = positions(metadata.outputs);
    this.#place = this.#placeIn(host, number);
  }

  get hostPid(): number {
    return this.#place.host.process.pid;
  }

  get waitingRuns(): number {
    return this.#place.queue.waitingCount + (this.#former?.queue.waitingCount ?? 0);
  }

  get joining(): Joining {
    return this.#joining;
  }

  infer(request: EngineRequest, signal: CancelSignal): Promise<Tensor[]> {
    // The only promise on the way to the host and back: each costs a good part of a small call.
    return new Promise((resolve, reject) => this.#infer(request, signal, { resolve, reject }));
  }

  /** Throws what `infer` rejects with, if that is known at once. */
  #infer(request: EngineRequest, signal: CancelSignal, waiter: Waiter): void {
    if (this.#unloaded !== undefined) throw unloaded;
    const { times, needsAll } = request;
    // An input that may be omitted is not part of a batch, whatever its first dimension.
    const alone = request.alone === true || request.inputs.length > this.#neededInputs;
    const wanted = request.outputs.map((name) => position(this.#outputs, name, "output"));
    const tensors = request.inputs.map(({ name, datatype, shape, data }) => ({
      index: position(this.#inputs, name, "input"),
      datatype,
      shape,
      data,
    }));
    const place = this.#place;
    const end = () => {
      if (--place.runs === 0) place.onIdle();
    };
    place.runs++;
    place.queue.run(
      { wanted, tensors, times },
      { signal, alone, needsAll },
      {
        resolve: (results) => {
          end();
          waiter.resolve(named(results, request.outputs));
        },
        reject: (error) => {
          end();
          const isHostLost = error instanceof RuntimeError && error.kind === "host-lost";
          const hasMoved = isHostLost && place !== this.#place && !this.#isLost;
          // The host was killed because this model was not released.
          if (isHostLost && this.#unloaded !== undefined) waiter.reject(unloaded);
          else if (hasMoved)
            this.infer({ ...request, alone: true }, signal).then(waiter.resolve, waiter.reject);
          else waiter.reject(error);
        },
      },
    );
  }

  unload(): Promise<void> {
    if (this.#unloaded === undefined) {
      const places = this.#former === undefined ? [this.#place] : [this.#place, this.#former];
      this.#unloaded = Promise.all(places.map((place) => this.#release(place))).then(() =>
        this.#ended.resolve(),
      );
      for (const { queue } of places) queue.cancel(unloaded);
    }
    return this.#unloaded;
  }

  /** The host died with this model in it. Called by the host, at most once. */
  lose(error: HostLostError): void {
    this.#isLost = true;
    this.#lost.resolve(error);
    this.#ended.resolve();
  }

  /** From now on its runs go to the copy that `host` has loaded as `number`; runs in progress end where they
   *  are, then their copy is freed. Resolves when it is free; undefined if the new copy is not wanted,
   *  because the model was unloaded or lost meanwhile. */
  moveTo(host: HostOfModel, number: number): Promise<void> | undefined {
    if (this.#unloaded !== undefined || this.#isLost) return undefined;
    const former = this.#place;
    this.#former = former;
    this.#place = this.#placeIn(host, number);
    former.host.forget(former.number);
    return this.#leave(former);
  }

  async #leave(place: Place): Promise<void> {
    if (place.runs > 0) await new Promise<void>((resolve) => (place.onIdle = resolve));
    place.queue.cancel(unloaded);
    await this.#release(place);
    if (this.#former === place) this.#former = undefined;
  }

  #release(place: Place): Promise<void> {
    place.released ??= place.host.release(this, place.number);
    return place.released;
  }

  #placeIn(host: HostOfModel, number: number): Place {
    const { settings, meter, joining } = this.#terms;
    const queue = new ModelQueue({
      owner: this,
      host: host.queue,
      settings,
      meter,
      mayJoin: this.#joining.state !== "off",
      isBuilt: joining.rowProof.isProven && joining.rowProof.isBuilt,
      joinedBytes: joining.mostBytes,
      cheapRows: joining.cheapRows,
      outputs: this.metadata.outputs.map(({ name }) => name),
      onJoiningEnd: (end) => this.#endJoining(end),
      admission: this.#admissionIn(host),
      send: ({ wanted, tensors, isMeasured }, receiver) =>
        host.process.send(
          {
            kind: frameKind.run,
            model: number,
            chunks: encodeTensors({
              wanted,
              runMs: 0,
              computeMs: 0,
              freeAtMs: 0,
              startedAtMs: 0,
              peakBytes: isMeasured ? 1 : 0,
              memoryBytes: 0,
              tensors,
            }),
            answer: frameKind.ran,
            read: (payload) => readAnswer(payload, wanted.length),
          },
          receiver,
        ),
    });
    return { host, number, queue, runs: 0, onIdle: () => {}, released: undefined };
  }

  #admissionIn({ memory }: HostOfModel): ModelQueueOptions["admission"] {
    const { share } = memory;
    if (share === undefined) return undefined;
    const { runs } = this.#terms;
    const { inputs } = this.metadata;
    const allow = (bytes: number) => memory.allowRuns(bytes);
    const keptOf = (bytes: number) => memory.keptOf(bytes);
    return (onRoom) => new RunAdmission({ share, runs, inputs, keptOf, allow, onRoom });
  }

  #endJoining({ reason, isWrong }: JoiningEnd): void {
    if (this.#joining.state === "off") return;
    this.#joining = { state: "off", reason };
    this.#place.queue.stopJoining();
    this.#former?.queue.stopJoining();
    if (isWrong) this.#terms.joining.onWrong(this.#joining);
  }
}

function named(results: readonly IndexedTensor[], names: readonly string[]): Tensor[] {
  return results.map(({ datatype, shape, data }, at) => {
    return { name: names[at] as string, datatype, shape, data };
  });
}

function positions(specs: readonly TensorSpec[]): ReadonlyMap<string, number> {
  return new Map(specs.map(({ name }, index) => [name, index]));
}

function position(known: ReadonlyMap<string, number>, name: string, role: string): number {
  const index = known.get(name);
  if (index !== undefined) return index;
  const names = [...known.keys()].map((key) => `'${key}'`).join(", ");
  throw new RuntimeError(
    "invalid-argument",
    `the model has no ${role} '${name}'; its ${role}s are ${names}`,
  );
}

function readAnswer(payload: Uint8Array, outputCount: number): RunAnswer {
  const answer = decodeTensors(payload);
  if (answer.tensors.length !== outputCount) throw new Error("a wrong number of outputs");
  const { runMs, computeMs, freeAtMs, startedAtMs } = answer;
  if (!(runMs >= 0 && computeMs >= 0)) throw new Error("a run of no duration");
  if (!(freeAtMs >= 0 && startedAtMs >= 0)) throw new Error("a run at no time");
  const { peakBytes, memoryBytes } = answer;
  // 0 means not measured; NaN, that it could not be measured.
  return peakBytes > 0 && memoryBytes > 0
    ? answer
    : { ...answer, peakBytes: undefined, memoryBytes: undefined };
}

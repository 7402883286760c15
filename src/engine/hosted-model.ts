import type { CancelSignal } from "../cancel-signal.ts";
import { RuntimeError } from "../errors.ts";
import type { RunSettings } from "../run-settings.ts";
import type { Tensor, TensorSpec } from "../tensor.ts";
import { hasRows } from "./batch-join.ts";
import type { EngineRequest, LoadedModel, ModelMetadata } from "./engine.ts";
import type { HostLostError } from "./host-lost-error.ts";
import type { HostProcess } from "./host-process.ts";
import { decodeTensors, encodeTensors, frameKind, type IndexedTensor } from "./host-protocol.ts";
import type { HostQueue } from "./host-queue.ts";
import { ModelQueue, type RunAnswer } from "./model-queue.ts";

// Made once: every unload has one at hand, and the collection of a stack costs more than the rest of it.
const unloaded = new RuntimeError("aborted", "the model was unloaded");

/** What a model needs of the host that holds it. */
export interface HostOfModel {
  readonly process: HostProcess;
  readonly queue: HostQueue;
  release(model: HostedModel): Promise<void>;
}

export interface HostedModelFacts {
  /** The model's number in its host. */
  readonly number: number;
  readonly sizeBytes: number;
  readonly measuredBytes: number | undefined;
  readonly metadata: ModelMetadata;
  readonly settings: RunSettings;
}

/** A model in an engine host. */
export class HostedModel implements LoadedModel {
  readonly metadata: ModelMetadata;
  readonly sizeBytes: number;
  readonly measuredBytes: number | undefined;
  readonly hostPid: number;
  readonly number: number;
  readonly lost: Promise<HostLostError>;
  readonly #host: HostOfModel;
  readonly #queue: ModelQueue;
  readonly #inputs: ReadonlyMap<string, number>;
  readonly #outputs: ReadonlyMap<string, number>;
  readonly #lost = Promise.withResolvers<HostLostError>();
  #unloaded: Promise<void> | undefined;

  constructor(host: HostOfModel, facts: HostedModelFacts) {
    const { number, sizeBytes, measuredBytes, metadata, settings } = facts;
    this.#host = host;
    this.#queue = new ModelQueue({
      owner: this,
      host: host.queue,
      settings,
      hasRows: hasRows(metadata.inputs) && hasRows(metadata.outputs),
      send: ({ wanted, tensors }, receiver) =>
        host.process.send(
          {
            kind: frameKind.run,
            model: number,
            chunks: encodeTensors({ wanted, runMs: 0, tensors }),
            answer: frameKind.ran,
            read: (payload) => readAnswer(payload, wanted.length),
          },
          receiver,
        ),
    });
    this.number = number;
    this.sizeBytes = sizeBytes;
    this.measuredBytes = measuredBytes;
    this.metadata = metadata;
    this.hostPid = host.process.pid;
    this.lost = this.#lost.promise;
    this.#inputs = positions(metadata.inputs);
    this.#outputs = positions(metadata.outputs);
  }

  get waitingRuns(): number {
    return this.#queue.waitingCount;
  }

  async infer(request: EngineRequest, signal: CancelSignal): Promise<Tensor[]> {
    if (this.#unloaded !== undefined) throw unloaded;
    const wanted = request.outputs.map((name) => position(this.#outputs, name, "output"));
    const tensors = request.inputs.map(({ name, datatype, shape, data }) => ({
      index: position(this.#inputs, name, "input"),
      datatype,
      shape,
      data,
    }));
    let results: readonly IndexedTensor[];
    try {
      results = await this.#queue.run({ wanted, tensors }, signal, request.alone ?? false);
    } catch (error) {
      const isHostLost = error instanceof RuntimeError && error.kind === "host-lost";
      // The host was killed because this model did not let go.
      throw isHostLost && this.#unloaded !== undefined ? unloaded : error;
    }
    return results.map(({ datatype, shape, data }, at) => {
      return { name: request.outputs[at] as string, datatype, shape, data };
    });
  }

  unload(): Promise<void> {
    if (this.#unloaded === undefined) {
      this.#unloaded = this.#host.release(this);
      this.#queue.cancel(unloaded);
    }
    return this.#unloaded;
  }

  /** The host died with this model in it. Called by the host, at most once. */
  lose(error: HostLostError): void {
    this.#lost.resolve(error);
  }
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
  if (!(answer.runMs >= 0)) throw new Error("a run of no duration");
  return answer;
}

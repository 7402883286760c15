import { RuntimeError } from "../errors.ts";
import type { Tensor, TensorSpec } from "../tensor.ts";
import type { EngineRequest, LoadedModel, ModelMetadata } from "./engine.ts";
import type { HostProcess } from "./host-process.ts";
import { decodeTensors, encodeTensors, frameKind } from "./host-protocol.ts";
import type { HostQueue } from "./host-queue.ts";

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
}

/** A model in an engine host. */
export class HostedModel implements LoadedModel {
  readonly metadata: ModelMetadata;
  readonly sizeBytes: number;
  readonly measuredBytes: number | undefined;
  readonly hostPid: number;
  readonly number: number;
  readonly lost: Promise<RuntimeError>;
  readonly #host: HostOfModel;
  readonly #inputs: ReadonlyMap<string, number>;
  readonly #outputs: ReadonlyMap<string, number>;
  readonly #lost = Promise.withResolvers<RuntimeError>();
  #unloaded: Promise<void> | undefined;

  constructor(host: HostOfModel, { number, sizeBytes, measuredBytes, metadata }: HostedModelFacts) {
    this.#host = host;
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
    return this.#host.queue.waitingRuns(this);
  }

  async infer(request: EngineRequest, signal: AbortSignal): Promise<Tensor[]> {
    if (this.#unloaded !== undefined) throw unloaded();
    const wanted = request.outputs.map((name) => position(this.#outputs, name, "output"));
    const tensors = request.inputs.map((tensor) => ({
      index: position(this.#inputs, tensor.name, "input"),
      datatype: tensor.datatype,
      shape: tensor.shape,
      data: tensor.data,
    }));
    try {
      return await this.#host.queue.run({
        owner: this,
        signal,
        start: () =>
          this.#host.process.call({
            kind: frameKind.run,
            model: this.number,
            chunks: encodeTensors({ wanted, tensors }),
            answer: frameKind.ran,
            read: (payload) => readResults(payload, request.outputs),
          }),
      });
    } catch (error) {
      const isHostLost = error instanceof RuntimeError && error.kind === "host-lost";
      // The host was killed because this model did not let go.
      throw isHostLost && this.#unloaded !== undefined ? unloaded() : error;
    }
  }

  unload(): Promise<void> {
    this.#unloaded ??= this.#host.release(this);
    return this.#unloaded;
  }

  /** The host died with this model in it. Called by the host, at most once. */
  lose(error: RuntimeError): void {
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

function readResults(payload: Uint8Array, outputs: readonly string[]): Tensor[] {
  const { tensors } = decodeTensors(payload);
  if (tensors.length !== outputs.length) throw new Error("a wrong number of outputs");
  return outputs.map((name, at) => {
    const tensor = tensors[at];
    if (tensor === undefined) throw new Error("a missing output");
    return { name, datatype: tensor.datatype, shape: tensor.shape, data: tensor.data };
  });
}

function unloaded(): RuntimeError {
  return new RuntimeError("aborted", "the model was unloaded");
}

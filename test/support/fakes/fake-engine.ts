import { statSync } from "node:fs";
import type { CancelSignal } from "../../../src/base/cancel-signal.ts";
import { RuntimeError } from "../../../src/base/errors.ts";
import { fileIdentity } from "../../../src/base/files/file-identity.ts";
import { SafePath } from "../../../src/base/files/safe-path.ts";
import type { Tensor } from "../../../src/base/tensor.ts";
import type {
  Engine,
  EngineRequest,
  HostInfo,
  Joining,
  LoadedModel,
  ModelFile,
  ModelMetadata,
  ModelPlace,
  ModelSource,
} from "../../../src/engine/contract/engine.ts";
import { HostCounts } from "../../../src/engine/contract/host-counts.ts";

/** One load that the manager has asked the fake engine for. The test decides how it ends. */
export interface FakeLoad {
  readonly source: ModelSource;
  readonly isolated: boolean;
  readonly ownHost: boolean;
  readonly mostBytes: number | undefined;
  readonly signal: CancelSignal;
  finish(sizeBytes?: number): FakeModel;
  fail(error: RuntimeError): void;
  /** What the engine does at last when the signal has aborted: reject with its reason. */
  stop(): void;
}

const plainMetadata: ModelMetadata = {
  platform: "fake",
  inputs: [{ name: "x", datatype: "FP32", shape: [-1] }],
  outputs: [{ name: "y", datatype: "FP32", shape: [-1] }],
};

export class FakeModel implements LoadedModel {
  readonly metadata: ModelMetadata;
  readonly sizeBytes: number;
  readonly measuredBytes = undefined;
  readonly hostPid = 1;
  waitingRuns = 0;
  joining: Joining = { state: "off", reason: "nothing is joined here" };
  readonly runs: {
    readonly request: EngineRequest;
    readonly signal: CancelSignal;
    readonly answer: PromiseWithResolvers<Tensor[]>;
  }[] = [];
  unloadCount = 0;
  readonly #lost = Promise.withResolvers<RuntimeError>();
  readonly #freed = Promise.withResolvers<void>();

  constructor(sizeBytes: number, freesAtOnce: boolean, metadata = plainMetadata) {
    this.sizeBytes = sizeBytes;
    this.metadata = metadata;
    if (freesAtOnce) this.#freed.resolve();
  }

  get lost(): Promise<RuntimeError> {
    return this.#lost.promise;
  }

  infer(request: EngineRequest, signal: CancelSignal): Promise<Tensor[]> {
    const answer = Promise.withResolvers<Tensor[]>();
    this.runs.push({ request, signal, answer });
    signal.addEventListener("abort", () => answer.reject(signal.reason), { once: true });
    return answer.promise;
  }

  unload(): Promise<void> {
    this.unloadCount++;
    for (const run of this.runs) run.answer.reject(new RuntimeError("aborted", "unloaded"));
    return this.#freed.promise;
  }

  free(): void {
    this.#freed.resolve();
  }

  die(loss = new RuntimeError("host-lost", "engine host died (SIGKILL)")): void {
    for (const run of this.runs) run.answer.reject(loss);
    this.#lost.resolve(loss);
  }
}

/** An engine without processes, whose every step waits for the test. */
export class FakeEngine implements Engine {
  readonly modelKinds = [{ extensions: [".onnx"] }];
  readonly loads: FakeLoad[] = [];
  readonly up = Promise.withResolvers<void>();
  readonly hostCounts = new HostCounts();
  /** Of the models that it loads. */
  metadata = plainMetadata;
  estimatedBytes = 100;
  /** Default of both: the estimate. */
  leastBytes: number | undefined;
  plausibleBytes: number | undefined;
  isClear = true;
  /** Of what lies beside the model's file. */
  dataIdentity = "";
  /** Looks into files for predictions wait for this. */
  inspecting: Promise<void> = Promise.resolve();
  freesAtOnce = true;
  /** Loads reject as soon as their signal aborts; else the test calls stop(). */
  stopsAtOnce = true;
  #arrived = Promise.withResolvers<void>();

  constructor(options: { readonly isUp?: boolean } = {}) {
    if (options.isUp ?? true) this.up.resolve();
  }

  get ready(): Promise<void> {
    return this.up.promise;
  }

  async locate({ path, name, roots }: ModelPlace): Promise<ModelFile> {
    const file = new SafePath(roots).follow(path, name);
    const identity = fileIdentity(statSync(file, { bigint: true }));
    return { format: "onnx", file, identity };
  }

  async inspect(model: ModelFile): Promise<ModelSource> {
    if (model.file.endsWith("junk.onnx")) {
      throw new RuntimeError("invalid-argument", "junk.onnx is not an ONNX model");
    }
    const { estimatedBytes, leastBytes = estimatedBytes, isClear } = this;
    const { plausibleBytes = estimatedBytes } = this;
    const filesIdentity = `${model.identity}${this.dataIdentity}`;
    const diskBytes = statSync(model.file).size;
    const sizes = { diskBytes, estimatedBytes, plausibleBytes, leastBytes };
    return { ...model, filesIdentity, ...sizes, isClear };
  }

  async predict(place: ModelPlace): Promise<ModelSource> {
    await this.inspecting;
    return await this.inspect(await this.locate(place));
  }

  predictBytes(diskBytes: number): number {
    return 2 * diskBytes;
  }

  knowsFormat(format: string): boolean {
    return format === "onnx";
  }

  load(
    source: ModelSource,
    { signal, isolated, ownHost = isolated, mostBytes }: Parameters<Engine["load"]>[1],
  ): Promise<LoadedModel> {
    const answer = Promise.withResolvers<LoadedModel>();
    this.loads.push({
      source,
      isolated,
      ownHost,
      mostBytes,
      signal,
      finish: (sizeBytes = 60) => {
        const model = new FakeModel(sizeBytes, this.freesAtOnce, this.metadata);
        answer.resolve(model);
        return model;
      },
      fail: (error) => answer.reject(error),
      stop: () => answer.reject(signal.reason),
    });
    if (this.stopsAtOnce) {
      signal.addEventListener("abort", () => answer.reject(signal.reason), { once: true });
    }
    this.#arrived.resolve();
    this.#arrived = Promise.withResolvers();
    return answer.promise;
  }

  hosts(): readonly HostInfo[] {
    return [{ pid: 1, kind: "shared", models: 0, memoryBytes: undefined, waitingRuns: 0 }];
  }

  async close(): Promise<void> {}

  /** Waits until the manager has asked for `count` loads in all, and returns the last of them. */
  async nthLoad(count: number): Promise<FakeLoad> {
    while (this.loads.length < count) await this.#arrived.promise;
    return this.loads[count - 1] as FakeLoad;
  }
}

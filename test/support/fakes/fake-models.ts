import { type ErrorKind, RuntimeError } from "../../../src/base/errors.ts";
import type { Datatype, Tensor } from "../../../src/base/tensor.ts";
import { defaultRunSettings } from "../../../src/config/run-settings.ts";
import type { ModelMetadata } from "../../../src/engine/contract/engine.ts";
import type { Readiness } from "../../../src/rpc/services/health.ts";
import type { ModelConfig } from "../../../src/service/contract/model-config.ts";
import type {
  InferenceRequest,
  InferenceResult,
  ModelDescription,
  ModelIndexEntry,
  ModelSize,
  ModelSpec,
  Models,
  RuntimeStatus,
} from "../../../src/service/contract/models.ts";
import type { ModelStatistics } from "../../../src/service/contract/statistics.ts";
import { fakeStatistics } from "./fake-statistics.ts";

/** What came in through the interface, oldest first. */
export interface SeenCall {
  readonly method:
    | "load"
    | "unload"
    | "predictSize"
    | "infer"
    | "loadFromRepository"
    | "unloadFromRepository";
  readonly id: string;
  readonly spec?: ModelSpec;
  readonly request?: InferenceRequest;
  readonly signal?: AbortSignal;
}

type Run = (request: InferenceRequest, signal: AbortSignal) => Promise<Tensor[]> | Tensor[];

interface FakeModel {
  readonly metadata: ModelMetadata;
  readonly run: Run;
  /** Lowest first; the last one is the default. */
  readonly versions: readonly string[];
}

/** Models without engines or memory, for tests of the wire layer. Knows from the start:
 *  "add-one" (FP32 [-1,3]: every element plus one), "echo" (outputs are the inputs as they came, named
 *  alike), "half" (answers with one FP16 tensor), "hangs" (until the caller gives up), "fails" (throws
 *  what is no RuntimeError) and "fails-<kind>". Loading path "hangs" or "fails-<kind>" does likewise;
 *  any other path makes an add-one model. Its repository holds "versioned", an add-one model that is
 *  loaded in the versions 1 and 2, and "shelved", which is not loaded but can be. */
export class FakeModels implements Models, Readiness {
  readonly calls: SeenCall[] = [];
  readonly #models = new Map<string, FakeModel>();
  readonly #listeners = new Set<() => void>();
  #ready = true;
  /** Text of every error that "fails-<kind>" throws. */
  failure = "the fake fails as it was told to";
  sizeBytes = 123_456_789;

  constructor() {
    this.put("add-one", "FP32", addOne);
    this.put("echo", "FP32", ({ inputs }) => [...inputs]);
    this.put("half", "FP16", () => [
      { name: "half", datatype: "FP16", shape: [2], data: Uint8Array.of(0, 0x3c, 0, 0x40) },
    ]);
    this.put("hangs", "FP32", (_request, signal) => untilAborted(signal));
    this.put("fails", "FP32", () => {
      throw new TypeError("a secret of the implementation");
    });
    this.#putFromRepository("versioned");
  }

  get ready(): boolean {
    return this.#ready;
  }

  set ready(ready: boolean) {
    this.#ready = ready;
    for (const listener of this.#listeners) listener();
  }

  serving(): boolean {
    return this.#ready;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get listenerCount(): number {
    return this.#listeners.size;
  }

  /** Adds a model of input x and output y, both of shape [-1,3]. */
  put(id: string, datatype: Datatype, run: Run, versions: readonly string[] = []): void {
    const metadata: ModelMetadata = {
      platform: "fake_fake",
      inputs: [{ name: "x", datatype, shape: [-1, 3] }],
      outputs: [{ name: "y", datatype, shape: [-1, 3] }],
    };
    this.#models.set(id, { metadata, run, versions });
  }

  async load(spec: ModelSpec, signal: AbortSignal): Promise<ModelSize> {
    this.calls.push({ method: "load", id: spec.id, spec, signal });
    if (spec.path === "hangs") return untilAborted(signal);
    this.#failIfTold(spec.path);
    this.put(spec.id, "FP32", addOne);
    return { sizeBytes: this.sizeBytes, maxConcurrency: 0 };
  }

  async unload(id: string): Promise<void> {
    this.calls.push({ method: "unload", id });
    this.#failIfTold(id);
    this.#models.delete(id);
  }

  async predictSize(spec: ModelSpec): Promise<number> {
    this.calls.push({ method: "predictSize", id: spec.id, spec });
    this.#failIfTold(spec.path);
    return this.sizeBytes;
  }

  size(id: string): number {
    this.#find(id, "");
    return this.sizeBytes;
  }

  async status(): Promise<RuntimeStatus> {
    if (!this.#ready) return { ready: false };
    return {
      ready: true,
      capacityBytes: 2 ** 40,
      maxLoadingConcurrency: 3,
      loadTimeoutMs: 90_000,
      defaultModelBytes: 1_000_000,
      runtimeVersion: "fake-1",
      limitModelConcurrency: false,
    };
  }

  isModelReady(id: string, version: string): boolean {
    const versions = this.#models.get(id)?.versions;
    return versions !== undefined && (version === "" || versions.includes(version));
  }

  describe(id: string, version: string): ModelDescription {
    this.#failIfTold(id);
    const { metadata, versions } = this.#find(id, version);
    return { ...metadata, versions };
  }

  config(id: string, version: string): ModelConfig {
    const { platform, inputs, outputs } = this.describe(id, version);
    return {
      format: "fake",
      platform,
      fileName: "model.fake",
      maxBatchSize: 8,
      isJoined: true,
      inputs,
      outputs,
      settings: { ...defaultRunSettings, threads: 2 },
      versions: { tag: "all" },
      hasCache: false,
    };
  }

  async infer(
    id: string,
    request: InferenceRequest,
    signal: AbortSignal,
  ): Promise<InferenceResult> {
    this.calls.push({ method: "infer", id, request, signal });
    this.#failIfTold(id);
    const { run, versions } = this.#find(id, request.version);
    const outputs = await run(request, signal);
    return { version: request.version || (versions.at(-1) ?? ""), outputs };
  }

  async index(): Promise<ModelIndexEntry[]> {
    const entries: ModelIndexEntry[] = [...this.#models].flatMap(([name, { versions }]) =>
      (versions.length > 0 ? versions : [""]).map(
        (version) => ({ name, version, state: "READY", reason: "" }) as const,
      ),
    );
    for (const name of repository) {
      if (this.#models.has(name)) continue;
      entries.push({ name, version: "1", state: "UNAVAILABLE", reason: "not loaded" });
    }
    return entries;
  }

  /** Every model ran three times, and failed once. */
  statistics(id?: string, version?: string): ModelStatistics[] {
    if (id !== undefined) this.#find(id, version ?? "");
    const ids = id === undefined ? [...this.#models.keys()] : [id];
    return ids.flatMap((name) => {
      const { versions } = this.#find(name, "");
      const asked = version === undefined ? versions : [version];
      return (asked.length > 0 ? asked : [""]).map((each) => ({
        name,
        version: each,
        ...fakeStatistics,
        memoryBytes: this.sizeBytes,
      }));
    });
  }

  async loadFromRepository(id: string, signal: AbortSignal): Promise<void> {
    this.calls.push({ method: "loadFromRepository", id, signal });
    this.#failIfTold(id);
    if (!repository.includes(id)) {
      throw new RuntimeError("model-not-found", `model '${id}' is not in the model repository`);
    }
    this.#putFromRepository(id);
  }

  async unloadFromRepository(id: string): Promise<void> {
    this.calls.push({ method: "unloadFromRepository", id });
    this.#failIfTold(id);
    this.#find(id, "");
    this.#models.delete(id);
  }

  #putFromRepository(id: string): void {
    this.put(id, "FP32", addOne, ["1", "2"]);
  }

  #find(id: string, version: string): FakeModel {
    const model = this.#models.get(id);
    if (model === undefined) {
      throw new RuntimeError("model-not-found", `model '${id}' is not loaded here`);
    }
    if (version !== "" && !model.versions.includes(version)) {
      const message = `version '${version}' of model '${id}' is not served`;
      throw new RuntimeError("invalid-argument", message);
    }
    return model;
  }

  #failIfTold(text: string): void {
    const kind = /^fails-(.+)$/.exec(text)?.[1];
    if (kind !== undefined) throw new RuntimeError(kind as ErrorKind, this.failure);
  }
}

const repository: readonly string[] = ["versioned", "shelved"];

function addOne({ inputs }: InferenceRequest): Tensor[] {
  return inputs.map(({ datatype, shape, data }) => {
    const elements = new Float32Array(data.slice().buffer).map((element) => element + 1);
    return { name: "y", datatype, shape, data: new Uint8Array(elements.buffer) };
  });
}

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

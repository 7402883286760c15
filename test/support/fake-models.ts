import type { ModelMetadata } from "../../src/engine/engine.ts";
import { type ErrorKind, RuntimeError } from "../../src/errors.ts";
import type { Readiness } from "../../src/rpc/health.ts";
import type {
  InferenceRequest,
  ModelSize,
  ModelSpec,
  Models,
  RuntimeStatus,
} from "../../src/service/models.ts";
import type { Datatype, Tensor } from "../../src/tensor.ts";

/** What came in through the interface, oldest first. */
export interface SeenCall {
  readonly method: "load" | "unload" | "predictSize" | "infer";
  readonly id: string;
  readonly spec?: ModelSpec;
  readonly request?: InferenceRequest;
  readonly signal?: AbortSignal;
}

type Run = (request: InferenceRequest, signal: AbortSignal) => Promise<Tensor[]> | Tensor[];

/** Models without engines or memory, for tests of the wire layer. Knows from the start:
 *  "add-one" (FP32 [-1,3]: every element plus one), "echo" (outputs are the inputs as they came, named
 *  alike), "half" (answers with one FP16 tensor), "hangs" (until the caller gives up), "fails" (throws
 *  what is no RuntimeError) and "fails-<kind>". Loading path "hangs" or "fails-<kind>" does likewise;
 *  any other path makes an add-one model. */
export class FakeModels implements Models, Readiness {
  readonly calls: SeenCall[] = [];
  readonly #models = new Map<string, { readonly metadata: ModelMetadata; readonly run: Run }>();
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

  put(id: string, datatype: Datatype, run: Run): void {
    const metadata: ModelMetadata = {
      platform: "fake_fake",
      inputs: [{ name: "x", datatype, shape: [-1, 3] }],
      outputs: [{ name: "y", datatype, shape: [-1, 3] }],
    };
    this.#models.set(id, { metadata, run });
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
    this.#find(id);
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

  isModelReady(id: string): boolean {
    return this.#models.has(id);
  }

  metadata(id: string): ModelMetadata {
    return this.#find(id).metadata;
  }

  async infer(id: string, request: InferenceRequest, signal: AbortSignal): Promise<Tensor[]> {
    this.calls.push({ method: "infer", id, request, signal });
    this.#failIfTold(id);
    return this.#find(id).run(request, signal);
  }

  #find(id: string) {
    const model = this.#models.get(id);
    if (model === undefined) {
      throw new RuntimeError("model-not-found", `model '${id}' is not loaded here`);
    }
    return model;
  }

  #failIfTold(text: string): void {
    const kind = /^fails-(.+)$/.exec(text)?.[1];
    if (kind !== undefined) throw new RuntimeError(kind as ErrorKind, this.failure);
  }
}

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

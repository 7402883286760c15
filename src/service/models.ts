import type { ModelMetadata } from "../engine/engine.ts";
import type { Tensor } from "../tensor.ts";

/** What a caller says of a model. Strings as they came; only `id` and `path` must not be empty. */
export interface ModelSpec {
  readonly id: string;
  readonly type: string;
  readonly path: string;
  readonly key: string;
}

export interface ModelSize {
  /** Measured bytes, above 0. */
  readonly sizeBytes: number;
  /** Inferences that may be in flight at once; 0 if nobody need count. */
  readonly maxConcurrency: number;
}

export type RuntimeStatus =
  | { readonly ready: false }
  | {
      readonly ready: true;
      readonly capacityBytes: number;
      readonly maxLoadingConcurrency: number;
      readonly loadTimeoutMs: number;
      readonly defaultModelBytes: number;
      readonly runtimeVersion: string;
      readonly limitModelConcurrency: boolean;
    };

/** One inference as it came over the wire, decoded but not yet checked against the model. */
export interface InferenceRequest {
  readonly inputs: readonly Tensor[];
  /** Names of the wanted outputs, in order; all outputs of the model if empty. */
  readonly outputs: readonly string[];
}

/** The only door to the models, for every wire format. All methods may throw RuntimeError; those that
 *  take a signal reject with `signal.reason` as soon as it aborts. */
export interface Models {
  /** Resolves when the model can serve; see the promises in proto/mmesh/model-runtime.proto. Aborting
   *  stops the load unless somebody else waits for it. Kinds: "invalid-argument",
   *  "failed-precondition", "over-budget", "load-failed", "deadline-exceeded", "cancelled". */
  load(spec: ModelSpec, signal: AbortSignal): Promise<ModelSize>;

  /** Resolves when the memory of every generation of `id` known at the call is free. */
  unload(id: string): Promise<void>;

  /** Upper bound in bytes, from a stat at most. */
  predictSize(spec: ModelSpec): Promise<number>;

  /** Measured bytes. Throws "model-not-found". */
  size(id: string): number;

  /** State and limits; on ready, every model loaded through `load` before the call is gone. */
  status(): Promise<RuntimeStatus>;

  /** Whether the engine can load and run models at all. */
  readonly ready: boolean;

  isModelReady(id: string): boolean;

  /** Throws "model-not-found" or "model-not-ready". */
  metadata(id: string): ModelMetadata;

  /** Runs one inference; one tensor for each requested output, in order. Buffers are handed over.
   *  Kinds: "model-not-found", "model-not-ready", "invalid-argument", "run-failed", "overloaded",
   *  "aborted", "host-lost". */
  infer(id: string, request: InferenceRequest, signal: AbortSignal): Promise<Tensor[]>;
}

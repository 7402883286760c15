import type { CancelSignal } from "../../base/cancel-signal.ts";
import type { InferenceTimes } from "../../base/inference-times.ts";
import type { Tensor } from "../../base/tensor.ts";
import type { ModelMetadata } from "../../engine/contract/engine.ts";

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

/** Who asks for the status, as far as the wire tells: ModelMesh speaks gRPC, people try curl. Default: ModelMesh. */
export type StatusCaller = "modelmesh" | "somebody";

/** One inference as it came over the wire, decoded but not yet checked against the model. */
export interface InferenceRequest {
  /** A version of the local repository; "" means the default one, and the only one of other models. */
  readonly version: string;
  readonly inputs: readonly Tensor[];
  /** Names of the wanted outputs, in order; all outputs of the model if empty. */
  readonly outputs: readonly string[];
  /** Of which outputs the greatest elements are wanted in place of all, and how many: see `classify`. */
  readonly classes?: ReadonlyMap<string, number> | undefined;
  /** Filled in as it goes, for whoever wants to know. */
  readonly times?: InferenceTimes | undefined;
}

export interface InferenceResult {
  /** The version that answered; "" if the model has none. */
  readonly version: string;
  readonly outputs: readonly Tensor[];
}

export interface ModelDescription extends ModelMetadata {
  /** Every version that can be asked for, lowest first; empty if the model has none. */
  readonly versions: readonly string[];
}

/** One model, or one version of it, as lists show it. */
export interface ModelIndexEntry {
  readonly name: string;
  /** "" if the model has no versions. */
  readonly version: string;
  readonly state: "LOADING" | "READY" | "UNLOADING" | "UNAVAILABLE";
  /** Why it is UNAVAILABLE, in one line; else "". */
  readonly reason: string;
}

/** Counts since the model was loaded. Durations in nanoseconds, summed. */
export interface ModelStatistics {
  readonly name: string;
  readonly version: string;
  /** Milliseconds since 1970; 0 if it has never run. */
  readonly lastInferenceMs: number;
  readonly success: { readonly count: number; readonly ns: bigint };
  readonly fail: { readonly count: number; readonly ns: bigint };
}

/** The only door to the models, for every wire format. All methods may throw RuntimeError; those that
 *  take a signal reject with `signal.reason` as soon as it aborts. */
export interface Models {
  /** Resolves when the model can serve; see the promises in proto/mmesh/model-runtime.proto. Aborting
   *  stops the load unless somebody else waits for it. Kinds: "invalid-argument",
   *  "failed-precondition", "over-budget", "load-failed", "deadline-exceeded", "cancelled". */
  load(spec: ModelSpec, signal: CancelSignal): Promise<ModelSize>;

  /** Resolves when the memory of every generation of `id` known at the call is free. */
  unload(id: string): Promise<void>;

  /** Upper bound in bytes, from a stat at most. Of what no load would take, a default: the load says why not. Throws
   *  "invalid-argument" for an id that is none. */
  predictSize(spec: ModelSpec): Promise<number>;

  /** Measured bytes. Throws "model-not-found". */
  size(id: string): number;

  /** State and limits; on ready, every model loaded through `load` before the call is gone. */
  status(caller?: StatusCaller): Promise<RuntimeStatus>;

  /** Whether the engine can load and run models at all. */
  readonly ready: boolean;

  /** Whether this version ("" for the default) can run now. False for ids and versions not known. */
  isModelReady(id: string, version: string): boolean;

  /** Throws "model-not-found" or "model-not-ready", or "invalid-argument" for a version not known. */
  describe(id: string, version: string): ModelDescription;

  /** Runs one inference; one tensor for each requested output, in order. Buffers are handed over; once the
   *  promise has resolved, nothing but outputs that are views of them may read those of the request.
   *  Kinds: "model-not-found", "model-not-ready", "invalid-argument", "run-failed", "overloaded",
   *  "aborted", "host-lost". */
  infer(id: string, request: InferenceRequest, signal: CancelSignal): Promise<InferenceResult>;

  /** Every model that is loaded, on its way, or in the local repository, by name and version. */
  index(): Promise<ModelIndexEntry[]>;

  /** Of models that are loaded: all of them, or of `id` (all versions, or one). Throws as `describe`. */
  statistics(id?: string, version?: string): ModelStatistics[];

  /** Loads a model of the local repository, all of its versions; reads the disk again, so that new
   *  versions are found and removed ones leave. Throws "failed-precondition" if there is no repository or
   *  ModelMesh owns the lifecycle, "model-not-found" if the repository has no such model, else as `load`. */
  loadFromRepository(id: string, signal: CancelSignal): Promise<void>;

  /** Unloads a model of the local repository, all of its versions. Throws as `loadFromRepository`;
   *  "model-not-found" if it is not loaded. */
  unloadFromRepository(id: string): Promise<void>;
}

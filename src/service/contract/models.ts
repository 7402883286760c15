import type { CancelSignal } from "../../base/cancel-signal.ts";
import type { InferenceTimes } from "../../base/inference-times.ts";
import type { Tensor } from "../../base/tensor.ts";
import type { ModelMetadata } from "../../engine/contract/engine.ts";
import type { ModelConfig } from "./model-config.ts";
import type { ModelStatistics } from "./statistics.ts";

/** The client's description of a model. Strings as they arrived; only `id` and `path` must not be empty. */
export interface ModelSpec {
  readonly id: string;
  readonly type: string;
  readonly path: string;
  readonly key: string;
}

export interface ModelSize {
  /** Measured bytes, above 0. */
  readonly sizeBytes: number;
  /** Inferences that may be in flight at once; 0: no limit. */
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

/** The client that asks for the status, as far as the wire shows: ModelMesh speaks gRPC, people use curl.
 *  Default: ModelMesh. */
export type StatusClient = "modelmesh" | "other";

/** What a request says beside its tensors, by name. */
export type RequestParameters = Readonly<Record<string, string | number | boolean>>;

/** One inference as it arrived, decoded but not yet checked against the model. */
export interface InferenceRequest {
  /** A version of the local repository. "" is the default version, and the only one of other models. */
  readonly version: string;
  readonly inputs: readonly Tensor[];
  /** The requested outputs, in order; all outputs if empty. */
  readonly outputs: readonly string[];
  /** Outputs of which only the largest elements are requested, and how many: see `classify`. */
  readonly classes?: ReadonlyMap<string, number> | undefined;
  /** Absent if there are none. Text models read some; those of the protocol itself are read before. */
  readonly parameters?: RequestParameters | undefined;
  /** Filled in as the inference goes, for observers. */
  readonly times?: InferenceTimes | undefined;
}

export interface InferenceResult {
  /** The version that ran; "" if the model has none. */
  readonly version: string;
  readonly outputs: readonly Tensor[];
}

export interface ModelDescription extends ModelMetadata {
  /** Every version that can be requested, lowest first; empty if the model has none. */
  readonly versions: readonly string[];
}

/** One model, or one of its versions, as lists show it. */
export interface ModelIndexEntry {
  readonly name: string;
  /** "" if the model has no versions. */
  readonly version: string;
  readonly state: "LOADING" | "READY" | "UNLOADING" | "UNAVAILABLE";
  /** Why it is UNAVAILABLE, in one line; otherwise "". */
  readonly reason: string;
}

/** The only entrance to the models, for every wire format. All methods may throw RuntimeError; those that take
 *  a signal reject with `signal.reason` as soon as it aborts. */
export interface Models {
  /** Resolves when the model can serve; see the promises in proto/mmesh/model-runtime.proto. Aborting stops the
   *  load unless another client waits for it. Kinds: "invalid-argument", "failed-precondition", "over-budget",
   *  "load-failed", "deadline-exceeded", "cancelled". */
  load(spec: ModelSpec, signal: CancelSignal): Promise<ModelSize>;

  /** Resolves when the memory of every generation of `id` that is known at the call is free. */
  unload(id: string): Promise<void>;

  /** An upper bound in bytes, from at most a stat. A default for models that no load would accept: the load
   *  reports why. Throws "invalid-argument" for an invalid id. */
  predictSize(spec: ModelSpec): Promise<number>;

  /** Measured bytes. Throws "model-not-found". */
  size(id: string): number;

  /** State and limits. When it reports ready, every model loaded through `load` before the call is gone. */
  status(client?: StatusClient): Promise<RuntimeStatus>;

  /** Whether the engine can load and run models at all. */
  readonly ready: boolean;

  /** Whether this version ("" for the default) can run now. False for unknown ids and versions. */
  isModelReady(id: string, version: string): boolean;

  /** Throws "model-not-found" or "model-not-ready", or "invalid-argument" for an unknown version. */
  describe(id: string, version: string): ModelDescription;

  /** What the model runs by. Throws like `describe`. */
  config(id: string, version: string): ModelConfig;

  /** Runs one inference and returns one tensor per requested output, in order. Takes over the request's
   *  buffers; once the promise has resolved, only outputs that are views of them may read them. Kinds:
   *  "model-not-found", "model-not-ready", "invalid-argument", "run-failed", "overloaded", "aborted",
   *  "host-lost". */
  infer(id: string, request: InferenceRequest, signal: CancelSignal): Promise<InferenceResult>;

  /** Every model that is loaded, loading, or in the local repository, by name and version. */
  index(): Promise<ModelIndexEntry[]>;

  /** Statistics of loaded models: all of them, or of `id` (all versions, or one). Throws like `describe`. */
  statistics(id?: string, version?: string): ModelStatistics[];

  /** Loads all versions of a model from the local repository. Reads the disk again, so new versions are found
   *  and removed ones are unloaded. Throws "failed-precondition" if there is no repository or ModelMesh owns
   *  the lifecycle, "model-not-found" if the repository does not have the model, otherwise like `load`. */
  loadFromRepository(id: string, signal: CancelSignal): Promise<void>;

  /** Unloads all versions of a model from the local repository. Throws like `loadFromRepository`;
   *  "model-not-found" if it is not loaded. */
  unloadFromRepository(id: string): Promise<void>;
}

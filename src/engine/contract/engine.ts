import type { CancelSignal } from "../../base/cancel-signal.ts";
import type { RuntimeError } from "../../base/errors.ts";
import type { InferenceTimes } from "../../base/inference-times.ts";
import type { Tensor, TensorSpec } from "../../base/tensor.ts";
import type { RunSettings } from "../../config/run-settings.ts";
import type { HostCounts } from "./host-counts.ts";
import type { DataFolder } from "./model-format.ts";

/** Where a caller says that a model is. */
export interface ModelPlace {
  /** Absolute, of a file or a directory. Links are followed. */
  readonly path: string;
  /** The same as the caller wrote it, for messages. */
  readonly name: string;
  /** Absolute directories: what links lead to must lie in one of them. */
  readonly roots: readonly string[];
  /** What the caller named, if anything. */
  readonly format: string | undefined;
}

/** A file that by its place and name holds a model. */
export interface ModelFile {
  /** A key of the engine catalog, "onnx" for example. */
  readonly format: string;
  /** Absolute path of the file that the engine opens, without links. */
  readonly file: string;
  /** As `fileIdentity` of it. */
  readonly identity: string;
  /** Where the files are that it refers to; absent: beside it. */
  readonly dataFolder?: DataFolder;
  /** The file with the model's settings, if there is one. Not read. */
  readonly settingsFile?: SettingsFile;
  /** Triton's configuration of the model, likewise. */
  readonly tritonConfig?: SettingsFile;
}

export interface SettingsFile {
  /** Absolute, for messages. */
  readonly name: string;
  /** The same without links. */
  readonly path: string;
}

/** A model on disk that an engine says it can load. Sizes of memory include a host if it needs one of its
 *  own. */
export interface ModelSource extends ModelFile {
  /** As `identity`, of the file and of those beside it that hold its weights. */
  readonly filesIdentity: string;
  /** Bytes of all of these files. */
  readonly diskBytes: number;
  /** What its load should reserve: an upper bound if `isClear`, else what is plausible. */
  readonly estimatedBytes: number;
  /** The same where there is never so much: bounds are loose. */
  readonly plausibleBytes: number;
  /** It takes hardly less: where there is never so much, it need not be tried. */
  readonly leastBytes: number;
  /** Whether its file tells all of its memory. If not, it may turn out to take anything. */
  readonly isClear: boolean;
  /** Whether some of its weights lie in other files. */
  readonly hasDataFiles?: boolean;
  /** As `DataFiles.moved`. */
  readonly dataFiles?: Readonly<Record<string, string>>;
}

/** Whether requests for a model that wait are joined into one run, and why. "proven": its graph keeps rows apart;
 *  "promised": its own settings say so; "off": neither, or it was found to be otherwise. */
export interface Joining {
  readonly state: "proven" | "promised" | "off";
  /** One line for people. */
  readonly reason: string;
}

export interface ModelMetadata {
  /** Format and engine in the Open Inference Protocol's terms, "onnx_onnxv1" for example. */
  readonly platform: string;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
}

/** One inference, checked against the model's metadata: one tensor for each input of the model. */
export interface EngineRequest {
  readonly inputs: readonly Tensor[];
  /** Names of the outputs to return, in this order; never empty. */
  readonly outputs: readonly string[];
  /** Not to be joined with other requests in one run, as if it were suspected of ending the host. */
  readonly alone?: boolean;
  /** Filled in as it goes, for whoever wants to know. */
  readonly times?: InferenceTimes | undefined;
}

/** Who counts what the runs of a model take; called on the way of each, so that it must cost little. */
export interface RunMeter {
  /** A request was answered that had waited so long before it was sent to the host. */
  answered(waitedMs: number): void;
  /** A run has answered so many requests. It was away for `awayMs`, of which the engine took `computeMs`. */
  ran(requests: number, awayMs: number, computeMs: number): void;
  /** Requests have run joined as well as by themselves. `isSame`: but for rounding, with the same results. */
  compared(isSame: boolean): void;
}

/** A model in the memory of an engine host. */
export interface LoadedModel {
  readonly metadata: ModelMetadata;
  /** Bytes of memory that it counts for, above 0: what was measured, but no less than its weights. */
  readonly sizeBytes: number;
  /** By how much the memory of its host grew, in bytes; undefined if that could not be measured. */
  readonly measuredBytes: number | undefined;
  /** How long the runs took that its load ended with; 0 without any. */
  readonly warmupMs?: number;
  readonly hostPid: number;
  /** Inferences of this model that the host has not got yet. */
  readonly waitingRuns: number;
  /** Another object once joining has ended. */
  readonly joining: Joining;

  /** Resolves with a "host-lost" error if the host dies while it holds the model, before any run is
   *  rejected because of it; a HostLostError tells the model's part in it. Never rejects, and stays
   *  pending if the model is unloaded in order. */
  readonly lost: Promise<RuntimeError>;

  /** Runs once. The tensors' buffers are handed over; a "host-lost" rejection gives them back as they
   *  were. When `signal` aborts, rejects at once with its
   *  reason; work that had not started is dropped, and a host that does not come to the end of it is
   *  killed after a while. Else rejects with a RuntimeError: "host-lost" (as a HostLostError it tells
   *  whether the host was at this very run), "run-failed", "aborted" (unloaded meanwhile), "invalid-argument" (values that the engine cannot
   *  take), "overloaded". */
  infer(request: EngineRequest, signal: CancelSignal): Promise<Tensor[]>;

  /** Resolves when the memory is free, and never rejects. Runs in flight reject with "aborted"; a host
   *  that does not let go is killed, and the other models in it resolve their `lost`. Idempotent. */
  unload(): Promise<void>;
}

export type HostKind = "shared" | "dedicated" | "spare";

/** A process that holds models. */
export interface HostInfo {
  readonly pid: number;
  readonly kind: HostKind;
  /** Number of loaded models. */
  readonly models: number;
  /** Memory of the host that no other process shares, as of its last load or unload. */
  readonly memoryBytes: number | undefined;
  /** Inferences that the host has not got yet. */
  readonly waitingRuns: number;
}

/** The books of the memory of runs, for those who want to see them. */
export interface RunMemory {
  /** What runs may take at once, in bytes. */
  readonly totalBytes: number;
  /** What they have been let take. */
  readonly admittedBytes: number;
  /** Models whose next run waits for memory. */
  readonly waitingCount: number;
  /** Runs that were refused, since they can never fit. */
  readonly refusedCount: number;
}

/** The engine layer, as the service layer sees it. */
export interface Engine {
  /** Resolves when the first hosts are up. Rejects only if none can be started at all. */
  readonly ready: Promise<void>;

  /** Finds the model file. Throws RuntimeError "invalid-argument" (no such format, no model file there, a link
   *  out of the roots), "failed-precondition" (nothing there, not readable) or "temporarily-unavailable". */
  locate(place: ModelPlace): Promise<ModelFile>;

  /** Bounds the memory of a model by reading its structure, not its weights. Throws RuntimeError
   *  "invalid-argument" (not a model of this format), "failed-precondition" (not readable, or a file that
   *  it refers to is missing) or "temporarily-unavailable". */
  inspect(model: ModelFile): Promise<ModelSource>;

  /** As `locate` and then `inspect`, for somebody who cannot wait: does not queue behind those. */
  predict(place: ModelPlace): Promise<ModelSource>;

  /** Upper bound of the memory for a model of `diskBytes` bytes of files. No I/O. */
  predictBytes(diskBytes: number, format: string | undefined): number;

  /** Extensions of model files, each with its dot. */
  readonly extensions: readonly string[];

  /** Whether `format` names an engine of the catalog. */
  knowsFormat(format: string): boolean;

  /** Loads. When `signal` aborts, stops the work and rejects with its reason, but only after all memory
   *  of the attempt is free again; that holds for every rejection. Else rejects with a RuntimeError:
   *  "invalid-argument" (the engine cannot run such a model), "load-failed", "host-lost" (the host died while it loaded this very model),
   *  "temporarily-unavailable" (a host could not be had, or died before it came to this model).
   *  "over-budget" (the system refused it memory). `isolated` asks for a host of its own. */
  load(
    source: ModelSource,
    options: {
      readonly signal: CancelSignal;
      readonly isolated: boolean;
      /** Asks for a host of its own, which is no sign of a fault. */
      readonly ownHost?: boolean;
      /** What it may turn out to take at most, in bytes, if that is open and it has a host of its own: that is
       *  not let have much more while it loads. */
      readonly mostBytes?: number | undefined;
      /** Default: `defaultRunSettings`. */
      readonly settings?: RunSettings;
      readonly meter?: RunMeter;
      /** Joined runs of the model have turned out to differ from single ones. Called at most once, with what
       *  `joining` is from then on. */
      readonly onJoinedWrong?: (joining: Joining) => void;
    },
  ): Promise<LoadedModel>;

  /** The hosts that are up or starting. */
  hosts(): readonly HostInfo[];

  /** What has become of hosts so far. */
  readonly hostCounts: HostCounts;

  /** What runs may take and take; undefined: there is no limit. */
  readonly runMemory?: RunMemory | undefined;

  /** Kills every host and resolves when they are gone. */
  close(): Promise<void>;
}

import type { CancelSignal } from "../../base/cancel-signal.ts";
import type { RuntimeError } from "../../base/errors.ts";
import type { InferenceTimes } from "../../base/inference-times.ts";
import type { Tensor, TensorSpec } from "../../base/tensor.ts";
import type { RunSettings } from "../../config/run-settings.ts";
import type { ModelNames } from "../../models/names.ts";
import type { HostCounts } from "./host-counts.ts";
import type { DataFolder } from "./model-format.ts";
import type { TextChoices } from "./text-choices.ts";
import type { TextFacts } from "./text-facts.ts";

/** Where a client locates a model. */
export interface ModelPlace {
  /** Absolute path of a file or a directory. Links are followed. */
  readonly path: string;
  /** The same path as the client wrote it, for messages. */
  readonly name: string;
  /** Absolute directories; the targets of links must lie in one of them. */
  readonly roots: readonly string[];
  /** The format that the client named, if any. */
  readonly format: string | undefined;
}

/** A file that, by its place and name, holds a model. */
export interface ModelFile {
  /** A key of the engine catalog, such as "onnx". */
  readonly format: string;
  /** Absolute path, without links, of the file that the engine opens; of a text model, its folder. */
  readonly file: string;
  /** The `fileIdentity` of it. */
  readonly identity: string;
  /** Where its data files are; absent: beside it. */
  readonly dataFolder?: DataFolder;
  /** The model's settings file, if there is one. Not read yet. */
  readonly settingsFile?: SettingsFile;
  /** The model's Triton configuration, likewise. */
  readonly tritonConfig?: SettingsFile;
}

export interface SettingsFile {
  /** Absolute path, for messages. */
  readonly name: string;
  /** The same path without links. */
  readonly path: string;
}

/** A model on disk that an engine claims it can load. Memory sizes include a host if the model needs one of
 *  its own. */
export interface ModelSource extends ModelFile {
  /** Like `identity`, over the file and the files beside it that hold its weights. */
  readonly filesIdentity: string;
  /** Total size of these files in bytes. */
  readonly diskBytes: number;
  /** What its load should reserve: an upper bound if `isClear`, otherwise an estimate. */
  readonly estimatedBytes: number;
  /** The same for a machine with less memory than that: bounds are loose. */
  readonly plausibleBytes: number;
  /** A lower bound: with less memory than this, a load need not be tried. */
  readonly leastBytes: number;
  /** Whether the file determines all of its memory. Otherwise the model may turn out to take any amount. */
  readonly isClear: boolean;
  /** Whether some of its weights are in other files. */
  readonly hasDataFiles?: boolean;
  /** As `DataFiles.moved`. */
  readonly dataFiles?: Readonly<Record<string, string>>;
  /** For text models: what its settings say. */
  readonly choices?: TextChoices;
  /** Of a text model. */
  readonly text?: TextFacts;
}

/** Whether queued requests for a model are joined into one run, and why. "proven": its graph keeps rows
 *  apart; "promised": its own settings say so, or all that use such models rely on it; "off": neither, or joining was found to change results. */
export interface Joining {
  readonly state: "proven" | "promised" | "off";
  /** One line for people to read. */
  readonly reason: string;
}

/** What the file of a translated model says about it beyond its tensors. */
export interface TabularFacts {
  /** Names of the columns, if the file has them and all differ. */
  readonly features: readonly string[] | undefined;
  /** Labels of the classes in the order of the columns of `predict_proba`, of their original type. */
  readonly classes: readonly (string | number)[] | undefined;
  /** The output that KServe's own server answers with. */
  readonly kserveOutput: string | undefined;
  /** The version of the library that wrote the file, as far as the file says. */
  readonly libraryVersion: string | undefined;
}

export interface ModelMetadata {
  /** Format and engine in the Open Inference Protocol's terms, such as "onnx_onnxv1". */
  readonly platform: string;
  /** For translated models. */
  readonly tabular?: TabularFacts;
  /** For text models. Their inputs and outputs are those of the engine, which no client sees: see
   *  `src/engine/text/items/`. */
  readonly text?: TextFacts;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
}

/** One inference, checked against the model's metadata: one tensor per input of the model. */
export interface EngineRequest {
  readonly inputs: readonly Tensor[];
  /** Names of the outputs to return, in this order; never empty. */
  readonly outputs: readonly string[];
  /** Whether to run it alone, never joined with other requests, as if it were suspected of crashing the
   *  host. */
  readonly alone?: boolean;
  /** Whether to wait for all the memory that runs may take: beside others it was killed for taking too
   *  much. */
  readonly needsAll?: boolean;
  /** Filled in along the way, for observers. */
  readonly times?: InferenceTimes | undefined;
}

/** The time from when a run was sent to its host until its response was back, and the parts of it. */
export interface RunPhases {
  /** The whole, which the others add up to. */
  readonly awayMs: number;
  /** While the host did other things. */
  readonly lineMs: number;
  /** From there to the engine's start: inputs are joined, sent and read. */
  readonly inputMs: number;
  /** The engine's run. */
  readonly computeMs: number;
  /** Outputs are written, sent and read. */
  readonly outputMs: number;
}

/** A run that was answered. */
export interface MeteredRun extends RunPhases {
  /** Requests that it answered. */
  readonly requests: number;
  /** Of those, requests that a client still waited for. */
  readonly awaited: number;
  /** Rows of these, and of all; a request for a model whose requests are not rows counts as one. */
  readonly awaitedRows: number;
  readonly rows: number;
}

/** Counts what a model's runs take. It is called on each run's path, so it must be cheap. */
export interface RunMeter {
  /** A request was answered that had waited this long before it was sent to the host. `isAwaited`: a client still
   *  waits for it. */
  answered(waitedMs: number, isAwaited: boolean): void;
  ran(run: MeteredRun): void;
  /** Requests have run both joined and one by one. `isSame`: the results agree within rounding. */
  compared(isSame: boolean): void;
}

/** A model in the memory of an engine host. */
export interface LoadedModel {
  readonly metadata: ModelMetadata;
  /** Bytes of memory that it counts for, above 0: as measured, but at least its weights. */
  readonly sizeBytes: number;
  /** Growth of its host's memory in bytes; undefined if it could not be measured. */
  readonly measuredBytes: number | undefined;
  /** Duration of the runs that its load ended with; 0 if there were none. */
  readonly warmupMs?: number;
  readonly hostPid: number;
  /** Inferences of this model that are not yet sent to the host. */
  readonly waitingRuns: number;
  /** Replaced by another object when joining has ended. */
  readonly joining: Joining;

  /** Resolves with a "host-lost" error if the host dies while it holds the model, before any run is rejected
   *  for that reason; a HostLostError says what part the model had in it. Never rejects, and stays pending if
   *  the model is unloaded normally. */
  readonly lost: Promise<RuntimeError>;

  /** Runs once. The tensors' buffers are handed over; a "host-lost" rejection returns them unchanged. When
   *  `signal` aborts, rejects at once with its reason: work that has not started is dropped, and a host that
   *  does not finish it in time is killed. Otherwise rejects with a RuntimeError: "host-lost" (a
   *  HostLostError says whether the host was executing this run), "run-failed", "aborted" (unloaded
   *  meanwhile), "invalid-argument" (values that the engine cannot take), "overloaded". */
  infer(request: EngineRequest, signal: CancelSignal): Promise<Tensor[]>;

  /** Resolves when the memory is free, and never rejects. Runs in flight reject with "aborted"; a host that
   *  does not release the model is killed, and its other models resolve their `lost`. Idempotent. */
  unload(): Promise<void>;
}

export type HostKind = "shared" | "dedicated" | "spare";

/** A process that holds models. */
export interface HostInfo {
  readonly pid: number;
  readonly kind: HostKind;
  /** Number of loaded models. */
  readonly models: number;
  /** Private memory of the host, as of its last load or unload. */
  readonly memoryBytes: number | undefined;
  /** Inferences that are not yet sent to the host. */
  readonly waitingRuns: number;
}

/** The accounts of run memory, for observers. */
export interface RunMemory {
  /** What all runs may take at once, in bytes. */
  readonly totalBytes: number;
  /** What runs have been admitted for. */
  readonly admittedBytes: number;
  /** Models whose next run waits for memory. */
  readonly waitingCount: number;
  /** Runs that were refused because they can never fit. */
  readonly refusedCount: number;
}

/** The engine layer, as seen from the service layer. */
export interface Engine {
  /** Resolves when the first hosts are up. Rejects only if none can be started. */
  readonly ready: Promise<void>;

  /** Finds the model file. Throws RuntimeError "invalid-argument" (unknown format, no model file there, a
   *  link out of the roots), "failed-precondition" (nothing there, not readable) or
   *  "temporarily-unavailable". */
  locate(place: ModelPlace): Promise<ModelFile>;

  /** Bounds a model's memory by reading its structure, not its weights. Throws RuntimeError
   *  "invalid-argument" (not a model of this format), "failed-precondition" (not readable, or a data file is
   *  missing) or "temporarily-unavailable". `settings`: the model's; default: `defaultRunSettings`. */
  inspect(model: ModelFile, settings?: RunSettings): Promise<ModelSource>;

  /** `locate`, then `inspect`, for a caller with a short deadline: does not queue behind other calls of
   *  those. */
  predict(place: ModelPlace): Promise<ModelSource>;

  /** Upper bound of the memory for a model with `diskBytes` bytes of files. No I/O. */
  predictBytes(diskBytes: number, format: string | undefined): number;

  /** Which files are models. A file of an earlier kind is the model, whatever files of later ones are beside it. */
  readonly modelKinds: readonly ModelNames[];

  /** Whether `format` names an engine of the catalog. */
  knowsFormat(format: string): boolean;

  /** Loads a model. When `signal` aborts, stops the work and rejects with its reason, but only when all
   *  memory of the attempt is free again; that holds for every rejection. Otherwise rejects with a
   *  RuntimeError: "invalid-argument" (the engine cannot run the model), "load-failed", "host-lost" (the host
   *  died while it loaded this model), "temporarily-unavailable" (no host was available, or it died before it
   *  reached this model), "over-budget" (the system refused memory). `isolated` asks for a host of its
   *  own. */
  load(
    source: ModelSource,
    options: {
      readonly signal: CancelSignal;
      readonly isolated: boolean;
      /** Asks for a host of its own, which does not imply a fault. */
      readonly ownHost?: boolean;
      /** The most that it may turn out to take, in bytes, if its size is open and it has a host of its own:
       *  the host is capped little above that while it loads. */
      readonly mostBytes?: number | undefined;
      /** Default: `defaultRunSettings`. */
      readonly settings?: RunSettings;
      readonly meter?: RunMeter;
      /** Joined runs of the model have returned other results than single ones. Called at most once, with the
       *  new value of `joining`. */
      readonly onJoinedWrong?: (joining: Joining) => void;
    },
  ): Promise<LoadedModel>;

  /** The hosts that are up or starting. */
  hosts(): readonly HostInfo[];

  /** Counts of how hosts started and ended so far. */
  readonly hostCounts: HostCounts;

  /** What runs may take and do take; undefined: unlimited. */
  readonly runMemory?: RunMemory | undefined;

  /** Kills every host and resolves when all are gone. */
  close(): Promise<void>;
}

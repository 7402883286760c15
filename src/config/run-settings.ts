import type { SettingRows } from "./setting.ts";

/** Whose names the outputs of translated models have. */
export const outputNamings = ["mlserver", "kserve", "fil", "fil-proba", "fil-class"] as const;
export type OutputNaming = (typeof outputNamings)[number];

/** Where ONNX Runtime runs models. */
export const executionProviders = ["cpu", "cuda"] as const;
export type ExecutionProvider = (typeof executionProviders)[number];

export const textTasks = [
  "auto",
  "embedding",
  "rerank",
  "classification",
  "token-classification",
] as const;

/** How the inferences of one model are queued, run in parallel and batched. */
export interface RunSettings {
  /** Rows (along axis 0) that requests joined into one run may have together; below 2 nothing is joined. A
   *  request with more rows of its own still runs, alone. */
  readonly maxBatchSize: number;
  /** Whether the model's own settings have a `maxBatchSize` above 0, by which its owner promises that the rows
   *  of a run do not affect each other. No default can promise that for every model. */
  readonly promisesRows: boolean;
  /** How long a request may wait for others to join it, in microseconds; 0: only requests that are waiting
   *  anyway are joined. Timers tick in milliseconds, so the value is rounded up to whole ones. */
  readonly maxQueueDelayMicroseconds: number;
  /** Requests that may wait; further ones fail as "overloaded". */
  readonly maxQueueSize: number;
  /** Requests whose expected wait is longer fail as "overloaded" at once, in milliseconds; 0: no limit;
   *  undefined: 2,000, or the time of 64 requests if that is longer. */
  readonly maxQueueWaitMs: number | undefined;
  /** A request that has waited this long fails as "overloaded", in microseconds; 0: no limit. */
  readonly queueTimeoutMicroseconds: number;
  /** Time limit for one run, in milliseconds. After it the run is abandoned, and its host is killed unless it
   *  returns soon; 0: no limit. */
  readonly maxRunMs: number;
  /** Requests that may be in the host at once; 0: no limit. The others wait. */
  readonly maxConcurrency: number;
  /** Maximum rows of the runs on zeros at the end of a load, which make the reported memory that of a model in
   *  use; 0: no such runs. Never more than `maxBatchSize`. */
  readonly warmupBatchSize: number;
  /** Threads per run; 0: one, or one per core if the model has a host of its own. */
  readonly threads: number;
  /** For translated models: the server whose outputs they have, as its clients expect them. */
  readonly outputNames: OutputNaming;
  /** For boosted models whose training stopped early: whether rounds after the best one count. */
  readonly rounds: "best" | "all";
  /** For text models: what they do; "auto": what their folder says. */
  readonly textTask: (typeof textTasks)[number];
  /** For text models: tokens of the longest text, special ones included; 0: as many as the model takes. Never
   *  more. */
  readonly textMaxTokens: number;
  /** For text models: whether the weights of linear layers are copied into the host, in the order in which kernels
   *  read them, or stay in their file. */
  readonly textWeights: "packed" | "mapped";
  /** For text models: an ONNX file of the folder that is served instead of other weights. */
  readonly onnxFile: string | undefined;
}

/** The name, or the end of the name, of settings files beside models: see `findSettingsFile`. */
export const settingsFileName = "modelport.json";

export const defaultRunSettings: RunSettings = Object.freeze({
  maxBatchSize: 64,
  promisesRows: false,
  maxQueueDelayMicroseconds: 0,
  maxQueueSize: 1_024,
  maxQueueWaitMs: undefined,
  queueTimeoutMicroseconds: 0,
  maxRunMs: 300_000,
  maxConcurrency: 0,
  warmupBatchSize: 64,
  threads: 0,
  outputNames: "mlserver",
  rounds: "best",
  textTask: "auto",
  textMaxTokens: 0,
  textWeights: "packed",
  onnxFile: undefined,
});

/** The rows of src/config/settings.ts for models without settings of their own. */
export const inferenceSettings = {
  "limit-per-model-concurrency": {
    env: "LIMIT_PER_MODEL_CONCURRENCY",
    type: "integer",
    default: defaultRunSettings.maxConcurrency,
    min: 0,
    max: 2 ** 31 - 1,
    doc: "concurrent inferences per model, also reported to ModelMesh; 0 is no limit",
  },
  "max-batch-size": {
    env: "MAX_BATCH_SIZE",
    aliases: ["REQUEST_BATCH_SIZE"],
    type: "integer",
    unit: "rows",
    default: defaultRunSettings.maxBatchSize,
    min: 0,
    max: 2 ** 16,
    doc: "maximum rows of a batch that joins requests, where that saves time; 0 or 1 disables batching",
  },
  "max-queue-delay": {
    env: "MAX_QUEUE_DELAY_MICROSECONDS",
    type: "integer",
    unit: "µs",
    default: defaultRunSettings.maxQueueDelayMicroseconds,
    min: 0,
    max: 60_000_000,
    doc: "how long a request waits for others to join its batch; 0 joins only requests that are waiting anyway",
  },
  "max-queue-size": {
    env: "MAX_QUEUE_SIZE",
    type: "integer",
    default: defaultRunSettings.maxQueueSize,
    min: 0,
    max: 2 ** 31 - 1,
    doc: "waiting inferences per model, beyond which more are refused; 0 is no limit",
  },
  "max-queue-wait": {
    env: "MAX_QUEUE_WAIT",
    type: "integer",
    unit: "ms",
    default: defaultRunSettings.maxQueueWaitMs,
    defaultText: "2 s, or what 64 of the model take",
    min: 0,
    max: 2 ** 31 - 1,
    doc: "expected wait beyond which an inference is refused immediately; 0 is no limit",
  },
  "queue-timeout": {
    env: "QUEUE_TIMEOUT_MICROSECONDS",
    type: "integer",
    unit: "µs",
    default: defaultRunSettings.queueTimeoutMicroseconds,
    min: 0,
    max: 86_400_000_000,
    doc: "time an inference may wait in the queue; 0 is no limit",
  },
  "run-timeout": {
    env: "RUN_TIMEOUT",
    type: "integer",
    unit: "ms",
    default: defaultRunSettings.maxRunMs,
    min: 0,
    max: 2 ** 31 - 1,
    doc: "time limit for one run, after which its engine host is killed; 0 is no limit",
  },
  "warmup-batch-size": {
    env: "WARMUP_BATCH_SIZE",
    type: "integer",
    unit: "rows",
    default: defaultRunSettings.warmupBatchSize,
    min: 0,
    max: 2 ** 16,
    doc: "maximum rows of the warm-up runs that measure a model in use; 0 disables warm-up",
  },
  "intra-op-threads": {
    env: "INTRA_OP_THREADS",
    type: "integer",
    default: defaultRunSettings.threads,
    defaultText: "one, or one per core where a model has a process of its own",
    min: 0,
    max: 256,
    doc: "threads per run, at most one per core; 0 chooses automatically",
  },
  "output-names": {
    env: "OUTPUT_NAMES",
    type: "choice",
    choices: outputNamings,
    default: defaultRunSettings.outputNames,
    doc: "outputs of XGBoost, LightGBM, CatBoost and scikit-learn models as this server names and shapes them; fil: Triton's FIL backend, fil-proba and fil-class: with its predict_proba or output_class",
  },
  "boosting-rounds": {
    env: "BOOSTING_ROUNDS",
    type: "choice",
    choices: ["best", "all"],
    default: defaultRunSettings.rounds,
    doc: "which rounds of an XGBoost model count whose training stopped early: up to the best one, as in MLServer, or all, as in KServe's own server",
  },
  "text-task": {
    env: "TEXT_TASK",
    type: "choice",
    choices: textTasks,
    default: defaultRunSettings.textTask,
    doc: "what text models do; auto: what their folder says",
  },
  "text-max-tokens": {
    env: "TEXT_MAX_TOKENS",
    type: "integer",
    default: defaultRunSettings.textMaxTokens,
    min: 0,
    max: 2 ** 20,
    doc: "tokens of the longest text that a text model takes, special ones included; 0, or more than the model's own limit, is that limit",
  },
  "text-weights": {
    env: "TEXT_WEIGHTS",
    type: "choice",
    choices: ["packed", "mapped"],
    default: defaultRunSettings.textWeights,
    doc: "packed: the weights of a text model's linear layers are copied into memory; mapped: they stay in their file, which takes a fraction of the memory, and up to half more time for short texts",
  },
  "onnx-file": {
    env: "ONNX_FILE",
    type: "text",
    default: defaultRunSettings.onnxFile,
    doc: "an ONNX file in a text model's folder, such as onnx/model_O3.onnx, that is served instead of its other weights",
  },
} as const satisfies SettingRows;

/** The settings from the values read for these rows. */
export function runSettings(
  value: (name: keyof typeof inferenceSettings) => string | number | undefined,
): RunSettings {
  const number = (name: keyof typeof inferenceSettings) => value(name) as number;
  return {
    maxBatchSize: number("max-batch-size"),
    promisesRows: false,
    maxQueueDelayMicroseconds: number("max-queue-delay"),
    maxQueueSize: number("max-queue-size"),
    maxQueueWaitMs: value("max-queue-wait") as number | undefined,
    queueTimeoutMicroseconds: number("queue-timeout"),
    maxRunMs: number("run-timeout"),
    maxConcurrency: number("limit-per-model-concurrency"),
    warmupBatchSize: number("warmup-batch-size"),
    threads: number("intra-op-threads"),
    outputNames: value("output-names") as RunSettings["outputNames"],
    rounds: value("boosting-rounds") as RunSettings["rounds"],
    textTask: value("text-task") as RunSettings["textTask"],
    textMaxTokens: number("text-max-tokens"),
    textWeights: value("text-weights") as RunSettings["textWeights"],
    onnxFile: value("onnx-file") as RunSettings["onnxFile"],
  };
}

import { availableParallelism } from "node:os";
import { delimiter } from "node:path";
import { accessSettings } from "./access-settings.ts";
import { logLevels } from "./log.ts";
import { networkSettings } from "./network-limits.ts";
import { pullSettings } from "./pull-settings.ts";
import { defaultRunSettings } from "./run-settings.ts";
import { tlsSettings } from "./tls-settings.ts";
import { version } from "./version.ts";

const KiB = 1024;
const MiB = 1024 * KiB;

/** One row per setting: environment variable, flag, default, range and meaning. Variables that the
 *  runtime adapters of ModelMesh have as well keep their names, meanings and units. */
export const settings = {
  host: {
    env: "LISTEN_HOST",
    type: "text",
    default: "localhost",
    doc: "address to listen on; localhost means 127.0.0.1 and ::1",
  },
  port: {
    env: "ADAPTER_PORT",
    type: "integer",
    default: 8085,
    min: 0,
    max: 65_535,
    doc: "TCP port for gRPC, gRPC-Web and Connect; 0 takes a free one",
  },
  "unix-socket": {
    env: "UNIX_SOCKET_PATH",
    type: "text",
    default: "",
    doc: "path of a unix socket to listen on as well",
  },
  "model-repository": {
    env: "MODEL_REPOSITORY",
    type: "text",
    default: "",
    doc: "directory whose models are served without being asked (standalone mode)",
  },
  "root-model-dir": {
    env: "ROOT_MODEL_DIR",
    type: "text",
    default: "/models",
    doc: "directory that model paths lie in; relative paths start here",
  },
  "extra-model-dirs": {
    env: "EXTRA_MODEL_DIRS",
    type: "text",
    default: "/pvc_mounts",
    doc: `further directories that model paths may lie in, separated by "${delimiter}"`,
  },
  ...pullSettings,
  "container-memory": {
    env: "CONTAINER_MEM_REQ_BYTES",
    type: "integer",
    default: undefined,
    min: 1,
    doc: "bytes of memory for this container; default: the cgroup's limit, else the machine's memory",
  },
  "memory-buffer": {
    env: "MEM_BUFFER_BYTES",
    type: "integer",
    default: 256 * MiB,
    min: 0,
    doc: "bytes of that memory kept for the runtime itself; models get the rest",
  },
  "loading-concurrency": {
    env: "LOADING_CONCURRENCY",
    type: "integer",
    default: Math.max(2, availableParallelism()),
    min: 1,
    max: 1024,
    doc: "models that may load at once; default: one per core, at least 2",
  },
  "load-timeout": {
    env: "LOADTIME_TIMEOUT",
    type: "integer",
    default: 30_000,
    min: 100,
    max: 2 ** 31 - 1,
    doc: "milliseconds that a load may take",
  },
  "default-model-size": {
    env: "DEFAULT_MODELSIZE",
    type: "integer",
    default: 1_000_000,
    min: 16 * KiB,
    doc: "bytes assumed for a model of which nothing is known; ModelMesh needs more than 8,192",
  },
  "model-size-multiplier": {
    env: "MODELSIZE_MULTIPLIER",
    type: "number",
    default: undefined,
    min: 0.01,
    doc: "predicted bytes of memory per byte on disk; default: the engine's own upper bound",
  },
  "limit-per-model-concurrency": {
    env: "LIMIT_PER_MODEL_CONCURRENCY",
    type: "integer",
    default: 0,
    min: 0,
    max: 2 ** 31 - 1,
    doc: "inferences of one model that run at once, and that ModelMesh may send; 0 is no limit",
  },
  "max-batch-size": {
    env: "MAX_BATCH_SIZE",
    type: "integer",
    default: defaultRunSettings.maxBatchSize,
    min: 0,
    max: 2 ** 16,
    doc: "rows of a run that joins requests, where that saves time; 0 or 1 joins none",
  },
  "max-queue-delay": {
    env: "MAX_QUEUE_DELAY_MICROSECONDS",
    type: "integer",
    default: defaultRunSettings.maxQueueDelayMicroseconds,
    min: 0,
    max: 60_000_000,
    doc: "microseconds that a request may wait for others to join; 0: joins only what waits anyhow",
  },
  "max-queue-size": {
    env: "MAX_QUEUE_SIZE",
    type: "integer",
    default: defaultRunSettings.maxQueueSize,
    min: 0,
    max: 2 ** 31 - 1,
    doc: "inferences of one model that may wait; more are refused; 0 is no limit",
  },
  "max-queue-wait": {
    env: "MAX_QUEUE_WAIT",
    type: "integer",
    default: defaultRunSettings.maxQueueWaitMs,
    min: 0,
    max: 2 ** 31 - 1,
    doc: "milliseconds of expected waiting from which inferences are refused at once, 0 is no limit; default: 2000, or what 64 of the model take",
  },
  "queue-timeout": {
    env: "QUEUE_TIMEOUT_MICROSECONDS",
    type: "integer",
    default: defaultRunSettings.queueTimeoutMicroseconds,
    min: 0,
    max: 86_400_000_000,
    doc: "microseconds that an inference may wait before it is refused; 0 is no limit",
  },
  "warmup-batch-size": {
    env: "WARMUP_BATCH_SIZE",
    type: "integer",
    default: defaultRunSettings.warmupBatchSize,
    min: 0,
    max: 2 ** 16,
    doc: "rows at most of the runs that end a load, to measure a model in use; 0: no such runs",
  },
  "warmup-timeout": {
    env: "WARMUP_TIMEOUT",
    type: "integer",
    default: 5_000,
    min: 1,
    max: 2 ** 31 - 1,
    doc: "milliseconds that these may take before the model is loaded again without",
  },
  "run-memory": {
    env: "RUN_MEMORY_BYTES",
    type: "integer",
    default: 512 * MiB,
    min: 0,
    doc: "bytes that inferences in one host may take beyond its models before they fail; 0 is no limit",
  },
  "host-waste": {
    env: "HOST_WASTE_BYTES",
    type: "integer",
    default: 64 * MiB,
    min: 0,
    doc: "bytes that a shared engine host may keep beside its models before they move to a fresh one; 0 is no limit",
  },
  "run-timeout": {
    env: "RUN_TIMEOUT",
    type: "integer",
    default: defaultRunSettings.maxRunMs,
    min: 0,
    max: 2 ** 31 - 1,
    doc: "milliseconds that one run of a model may take before its process is ended; 0 is no limit",
  },
  "runtime-version": {
    env: "RUNTIME_VERSION",
    type: "text",
    default: version,
    doc: "version that runtimeStatus reports",
  },
  "max-message-size": {
    env: "MAX_MESSAGE_BYTES",
    type: "integer",
    default: 64 * MiB,
    min: 64 * KiB,
    max: 2 ** 31 - 1,
    doc: "bytes of one request message, after decompression",
  },
  ...networkSettings,
  "drain-timeout": {
    env: "DRAIN_TIMEOUT",
    type: "integer",
    default: 10_000,
    min: 0,
    max: 2 ** 31 - 1,
    doc: "milliseconds that inferences in flight may go on when their model is unloaded",
  },
  "shutdown-grace": {
    env: "SHUTDOWN_GRACE",
    type: "integer",
    default: 10_000,
    min: 0,
    max: 2 ** 31 - 1,
    doc: "milliseconds that calls in flight may go on after SIGTERM",
  },
  "prestop-port": {
    env: "MM_PRESTOP_WAIT_PORT",
    type: "integer",
    default: 0,
    min: 0,
    max: 65_535,
    doc: "after SIGTERM serve until ModelMesh's pre-stop server on this port answers; 0: do not ask, as where a preStop hook does",
  },
  "prestop-timeout": {
    env: "PRESTOP_TIMEOUT",
    type: "integer",
    default: 62_000,
    min: 0,
    max: 2 ** 31 - 1,
    doc: "milliseconds to wait for that answer; default: as long as ModelMesh may take to end",
  },
  "engine-hosts": {
    env: "ENGINE_HOSTS",
    type: "integer",
    default: availableParallelism(),
    min: 1,
    max: 256,
    doc: "processes that small models share; default: one per core",
  },
  "dedicated-host-size": {
    env: "DEDICATED_HOST_MIN_BYTES",
    type: "integer",
    default: 32 * MiB,
    min: 0,
    doc: "models of this many bytes or more get a process of their own",
  },
  ...tlsSettings,
  ...accessSettings,
  "lifecycle-owner": {
    env: "LIFECYCLE_OWNER",
    type: "choice",
    choices: ["auto", "repository", "modelmesh"],
    default: "auto",
    doc: "whose it is to load and unload; auto: callers of the repository RPCs until ModelMesh has called",
  },
  "cors-origins": {
    env: "CORS_ORIGINS",
    type: "text",
    default: "",
    doc: "origins of other servers whose pages may call, like https://ops.example.com, separated by commas",
  },
  "allowed-hosts": {
    env: "ALLOWED_HOSTS",
    type: "text",
    default: "",
    doc: "names by which browsers may call this server beside localhost and addresses, separated by commas",
  },
  "log-level": {
    env: "LOG_LEVEL",
    type: "choice",
    choices: logLevels,
    default: "info",
    doc: "least level that is logged",
  },
} as const satisfies Record<string, Setting>;

export interface Setting {
  readonly env: string;
  readonly type: "text" | "integer" | "number" | "choice";
  readonly default: string | number | undefined;
  readonly min?: number;
  readonly max?: number;
  readonly choices?: readonly string[];
  readonly doc: string;
}

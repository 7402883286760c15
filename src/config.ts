import { availableParallelism, totalmem } from "node:os";
import { delimiter, resolve } from "node:path";
import { parseArgs } from "node:util";
import { RuntimeError } from "./errors.ts";
import { type LogLevel, logLevels } from "./log.ts";
import { defaultRunSettings, type RunSettings } from "./run-settings.ts";
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
  "lifecycle-access": {
    env: "LIFECYCLE_ACCESS",
    type: "choice",
    choices: ["local", "any"],
    default: "local",
    doc: "who may load and unload: callers on this machine (loopback, unix socket), or any",
  },
  "lifecycle-owner": {
    env: "LIFECYCLE_OWNER",
    type: "choice",
    choices: ["auto", "repository", "modelmesh"],
    default: "auto",
    doc: "whose it is to load and unload; auto: callers of the repository RPCs until ModelMesh has called",
  },
  "log-level": {
    env: "LOG_LEVEL",
    type: "choice",
    choices: logLevels,
    default: "info",
    doc: "least level that is logged",
  },
} as const satisfies Record<string, Setting>;

interface Setting {
  readonly env: string;
  readonly type: "text" | "integer" | "number" | "choice";
  readonly default: string | number | undefined;
  readonly min?: number;
  readonly max?: number;
  readonly choices?: readonly string[];
  readonly doc: string;
}

/** Every effective setting. Frozen; passed down from main.ts, read nowhere else. */
export interface Config {
  readonly host: string;
  readonly port: number;
  readonly unixSocket: string | undefined;
  readonly modelRepository: string | undefined;
  /** Absolute. The first is where relative model paths start. */
  readonly modelRoots: readonly string[];
  /** Bytes for models: container memory minus buffer. */
  readonly capacityBytes: number;
  readonly loadingConcurrency: number;
  readonly loadTimeoutMs: number;
  readonly defaultModelBytes: number;
  readonly modelSizeMultiplier: number | undefined;
  readonly limitPerModelConcurrency: number;
  /** Of models whose own settings do not say otherwise. */
  readonly runSettings: RunSettings;
  readonly warmupTimeoutMs: number;
  /** 0: no limit. */
  readonly runMemoryBytes: number;
  readonly runtimeVersion: string;
  readonly maxMessageBytes: number;
  readonly drainTimeoutMs: number;
  readonly shutdownGraceMs: number;
  readonly engineHosts: number;
  readonly dedicatedHostMinBytes: number;
  readonly lifecycleAccess: "local" | "any";
  readonly lifecycleOwner: "auto" | "repository" | "modelmesh";
  readonly logLevel: LogLevel;
}

type Raw = { -readonly [K in keyof typeof settings]: string | number | undefined };

/** Reads flags (`argv`, without the program and the command), then `env`, then defaults. Throws
 *  RuntimeError "invalid-argument" whose message lists every problem, one a line. */
export function readConfig(argv: readonly string[], env: NodeJS.ProcessEnv): Config {
  const problems: string[] = [];
  const flags = readFlags(argv, problems);
  const raw = {} as Raw;
  for (const name of Object.keys(settings) as (keyof typeof settings)[]) {
    const setting: Setting = settings[name];
    const flag = flags[name];
    // An empty variable counts as unset: manifests often carry them.
    const text = flag ?? (env[setting.env] || undefined);
    const where = flag === undefined ? setting.env : `--${name}`;
    raw[name] = text === undefined ? setting.default : parse(text, setting, where, problems);
  }
  const config = assemble(raw);
  if (problems.length === 0) checkModelMeshRules(config, problems);
  if (problems.length > 0) throw new RuntimeError("invalid-argument", problems.join("\n"));
  return Object.freeze(config);
}

function readFlags(argv: readonly string[], problems: string[]): Record<string, string> {
  const options = Object.fromEntries(
    Object.keys(settings).map((name) => [name, { type: "string" as const }]),
  );
  try {
    return parseArgs({ args: [...argv], options, strict: true }).values as Record<string, string>;
  } catch (error) {
    problems.push((error as Error).message);
    return {};
  }
}

function parse(
  text: string,
  setting: Setting,
  where: string,
  problems: string[],
): string | number | undefined {
  if (setting.type === "text") return text;
  if (setting.type === "choice") {
    if (setting.choices?.includes(text)) return text;
    problems.push(`${where} is "${text}", expected one of ${setting.choices?.join(", ")}`);
    return undefined;
  }
  const value = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : Number.NaN;
  const min = setting.min ?? Number.MIN_SAFE_INTEGER;
  const max = setting.max ?? Number.MAX_SAFE_INTEGER;
  const kind = setting.type === "integer" ? "an integer" : "a number";
  const sound = setting.type === "integer" ? Number.isSafeInteger(value) : Number.isFinite(value);
  if (sound && value >= min && value <= max) return value;
  const range = setting.max === undefined ? `of at least ${min}` : `from ${min} to ${max}`;
  problems.push(`${where} is "${text}", expected ${kind} ${range} (${setting.doc})`);
  return undefined;
}

function assemble(raw: Raw): Config {
  const number = (name: keyof Raw) => raw[name] as number;
  const optional = (name: keyof Raw) => (raw[name] === "" ? undefined : (raw[name] as string));
  const repository = optional("model-repository");
  const roots = [
    ...(repository === undefined ? [] : [repository]),
    raw["root-model-dir"] as string,
    ...(raw["extra-model-dirs"] as string).split(delimiter),
  ].filter((root) => root !== "");
  const memory = (raw["container-memory"] as number | undefined) ?? machineMemoryBytes();
  return {
    host: raw.host as string,
    port: number("port"),
    unixSocket: optional("unix-socket"),
    modelRepository: repository === undefined ? undefined : resolve(repository),
    modelRoots: [...new Set(roots.map((root) => resolve(root)))],
    capacityBytes: memory - number("memory-buffer"),
    loadingConcurrency: number("loading-concurrency"),
    loadTimeoutMs: number("load-timeout"),
    defaultModelBytes: number("default-model-size"),
    modelSizeMultiplier: raw["model-size-multiplier"] as number | undefined,
    limitPerModelConcurrency: number("limit-per-model-concurrency"),
    runSettings: {
      maxBatchSize: number("max-batch-size"),
      maxQueueDelayMicroseconds: number("max-queue-delay"),
      maxQueueSize: number("max-queue-size"),
      queueTimeoutMicroseconds: number("queue-timeout"),
      maxConcurrency: number("limit-per-model-concurrency"),
      warmupBatchSize: number("warmup-batch-size"),
    },
    warmupTimeoutMs: number("warmup-timeout"),
    runMemoryBytes: number("run-memory"),
    runtimeVersion: raw["runtime-version"] as string,
    maxMessageBytes: number("max-message-size"),
    drainTimeoutMs: number("drain-timeout"),
    shutdownGraceMs: number("shutdown-grace"),
    engineHosts: number("engine-hosts"),
    dedicatedHostMinBytes: number("dedicated-host-size"),
    lifecycleAccess: raw["lifecycle-access"] as Config["lifecycleAccess"],
    lifecycleOwner: raw["lifecycle-owner"] as Config["lifecycleOwner"],
    logLevel: raw["log-level"] as LogLevel,
  };
}

/** The cgroup's limit where there is one, else all memory of the machine. */
function machineMemoryBytes(): number {
  const limit = process.constrainedMemory();
  return limit > 0 && limit < totalmem() ? limit : totalmem();
}

/** ModelMesh ends itself if a READY answer breaks these, so we do not start with such values. */
function checkModelMeshRules(config: Config, problems: string[]): void {
  const least = Math.max(
    2 * config.defaultModelBytes,
    Math.min(512 * MiB, 10 * config.defaultModelBytes),
  );
  if (config.capacityBytes >= least) return;
  problems.push(
    `CONTAINER_MEM_REQ_BYTES minus MEM_BUFFER_BYTES leaves ${config.capacityBytes} bytes for models; ` +
      `ModelMesh needs at least ${least} with DEFAULT_MODELSIZE ${config.defaultModelBytes}`,
  );
}

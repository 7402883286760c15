import { isIP } from "node:net";
import { totalmem } from "node:os";
import { delimiter, resolve } from "node:path";
import { parseArgs } from "node:util";
import { type AccessSettings, readAccessSettings } from "./access-settings.ts";
import { readHostnames, readOrigins } from "./browser-settings.ts";
import { RuntimeError } from "./errors.ts";
import type { LogLevel } from "./log.ts";
import { type NetworkLimits, networkLimits } from "./network-limits.ts";
import { type PullSettings, readPullSettings } from "./pull-settings.ts";
import type { RunSettings } from "./run-settings.ts";
import { type Setting, settings } from "./settings.ts";
import { readTlsSettings, type TlsSettings } from "./tls-settings.ts";

const MiB = 1024 * 1024;

/** Every effective setting. Frozen; passed down from main.ts, read nowhere else. */
export interface Config {
  readonly host: string;
  readonly port: number;
  readonly unixSocket: string | undefined;
  readonly modelRepository: string | undefined;
  /** Absolute. The first is where relative model paths start. */
  readonly modelRoots: readonly string[];
  readonly pull: PullSettings;
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
  /** 0: no limit. */
  readonly maxWasteBytes: number;
  readonly runtimeVersion: string;
  readonly maxMessageBytes: number;
  readonly networkLimits: NetworkLimits;
  readonly drainTimeoutMs: number;
  readonly shutdownGraceMs: number;
  /** Undefined: ModelMesh is not asked. */
  readonly prestopPort: number | undefined;
  readonly prestopTimeoutMs: number;
  readonly engineHosts: number;
  readonly dedicatedHostMinBytes: number;
  /** Undefined: no TLS. */
  readonly tls: TlsSettings | undefined;
  readonly access: AccessSettings;
  readonly lifecycleOwner: "auto" | "repository" | "modelmesh";
  /** As browsers write them. */
  readonly corsOrigins: readonly string[];
  /** Names without ports, lower case. */
  readonly allowedHosts: readonly string[];
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
  const config = assemble(raw, problems);
  if (problems.length === 0) {
    checkModelMeshRules(config, problems);
    checkNetworkLimits(config, problems);
  }
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

function assemble(raw: Raw, problems: string[]): Config {
  const number = (name: keyof Raw) => raw[name] as number;
  const optional = (name: keyof Raw) => (raw[name] === "" ? undefined : (raw[name] as string));
  const repository = optional("model-repository");
  const roots = [
    ...(repository === undefined ? [] : [repository]),
    raw["root-model-dir"] as string,
    ...(raw["extra-model-dirs"] as string).split(delimiter),
  ].filter((root) => root !== "");
  const tls = readTlsSettings(raw, problems);
  const access = readAccessSettings(raw, problems);
  if (access.lifecycleClients.length > 0 && tls?.clientCaPath === undefined) {
    problems.push("LIFECYCLE_CLIENTS needs TLS_CLIENT_CA_PATH, whose certificates have the names");
  }
  const memory = (raw["container-memory"] as number | undefined) ?? machineMemoryBytes();
  return {
    host: raw.host as string,
    port: number("port"),
    unixSocket: optional("unix-socket"),
    modelRepository: repository === undefined ? undefined : resolve(repository),
    modelRoots: [...new Set(roots.map((root) => resolve(root)))],
    pull: readPullSettings(raw, raw["root-model-dir"] as string, problems),
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
      maxQueueWaitMs: raw["max-queue-wait"] as number | undefined,
      queueTimeoutMicroseconds: number("queue-timeout"),
      maxRunMs: number("run-timeout"),
      maxConcurrency: number("limit-per-model-concurrency"),
      warmupBatchSize: number("warmup-batch-size"),
    },
    warmupTimeoutMs: number("warmup-timeout"),
    runMemoryBytes: number("run-memory"),
    maxWasteBytes: number("host-waste"),
    runtimeVersion: raw["runtime-version"] as string,
    maxMessageBytes: number("max-message-size"),
    networkLimits: networkLimits(number),
    drainTimeoutMs: number("drain-timeout"),
    shutdownGraceMs: number("shutdown-grace"),
    prestopPort: number("prestop-port") || undefined,
    prestopTimeoutMs: number("prestop-timeout"),
    engineHosts: number("engine-hosts"),
    dedicatedHostMinBytes: number("dedicated-host-size"),
    tls,
    access,
    lifecycleOwner: raw["lifecycle-owner"] as Config["lifecycleOwner"],
    corsOrigins: readOrigins(raw["cors-origins"] as string, problems),
    allowedHosts: [
      // Addresses need no permission.
      ...(isIP(raw.host as string) === 0 ? [(raw.host as string).toLowerCase()] : []),
      ...readHostnames(raw["allowed-hosts"] as string, problems),
    ],
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

/** A message that is allowed must be able to arrive. */
function checkNetworkLimits({ maxMessageBytes, networkLimits }: Config, problems: string[]): void {
  const { maxConnectionBytes, maxCallBytes } = networkLimits;
  if (Math.min(maxConnectionBytes, maxCallBytes) >= maxMessageBytes) return;
  problems.push(
    `MAX_CONNECTION_BYTES (${maxConnectionBytes}) and MAX_CALL_BYTES (${maxCallBytes}) ` +
      `have to be at least MAX_MESSAGE_BYTES (${maxMessageBytes})`,
  );
}

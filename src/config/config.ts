import { isIP } from "node:net";
import { delimiter, resolve } from "node:path";
import { RuntimeError } from "../base/errors.ts";
import type { MemoryDivision } from "../base/memory-parts.ts";
import { type AccessLog, readAccessLog } from "./access-log-settings.ts";
import { type AccessSettings, readAccessSettings } from "./access-settings.ts";
import { readHostnames, readOrigins } from "./browser-settings.ts";
import type { DebugEndpoints } from "./debug-settings.ts";
import { type ConfigFile, readConfigFile } from "./file-entries.ts";
import { type HostingRoutes, readHostingRoutes } from "./hosting/hosting-routes.ts";
import { type NamedModel, readNamedModels } from "./hosting/named-models.ts";
import type { LogLevel } from "./log-levels.ts";
import { planMemory } from "./memory-plan.ts";
import { type MetricsSettings, readMetricsSettings } from "./metrics-settings.ts";
import { type NetworkLimits, networkLimits } from "./network-limits.ts";
import { type PayloadLogSettings, readPayloadLog } from "./payload-log/payload-log-settings.ts";
import { type PullSettings, readPullSettings } from "./pull-settings.ts";
import { type ExecutionProvider, type RunSettings, runSettings } from "./run-settings.ts";
import type { SettingValue } from "./setting.ts";
import {
  configFilePath,
  readFlags,
  type SourcedSettings,
  sourceSettings,
} from "./setting-sources.ts";
import type { SettingName } from "./settings.ts";
import { readSigningSettings, type SigningSettings } from "./signing/signing-settings.ts";
import { readTlsSettings, type TlsSettings } from "./tls-settings.ts";
import { readTracing, type TracingSettings } from "./tracing-settings.ts";
import { readTranslationSettings, type TranslationLimits } from "./translation-settings.ts";

/** Every effective setting. Passed down from main.ts, and read nowhere else. Only its own fields are frozen. */
export interface Config {
  /** The path of the settings file, if there is one. */
  readonly configPath: string | undefined;
  readonly host: string;
  readonly port: number;
  readonly unixSocket: string | undefined;
  /** Whether gRPC's reflection service is on. */
  readonly reflection: boolean;
  /** In the name of Caikit's inference service. */
  readonly caikitDomain: string;
  readonly hostingRoutes: HostingRoutes;
  readonly modelRepository: string | undefined;
  /** 0: it is not polled. */
  readonly repositoryPollMs: number;
  /** Models that the server is not ready without. */
  readonly namedModels: readonly NamedModel[];
  /** Absolute. Relative model paths start at the first. */
  readonly modelRoots: readonly string[];
  readonly pull: PullSettings;
  /** Undefined: signatures of models are not checked. */
  readonly signing: SigningSettings | undefined;
  readonly translation: TranslationLimits;
  /** How the container's memory is divided. Other figures here follow from it. */
  readonly memory: MemoryDivision;
  /** Bytes for models: `memory.models`. */
  readonly capacityBytes: number;
  readonly loadingConcurrency: number;
  readonly loadTimeoutMs: number;
  readonly defaultModelBytes: number;
  readonly modelSizeMultiplier: number | undefined;
  readonly limitPerModelConcurrency: number;
  /** For models whose own settings do not say otherwise. */
  readonly runSettings: RunSettings;
  /** 0: embeddings are not kept. */
  readonly embeddingCacheBytes: number;
  readonly warmupTimeoutMs: number;
  /** `memory.runs`; 0: no limit. */
  readonly runMemoryBytes: number;
  /** 0: no limit. */
  readonly maxWasteBytes: number;
  readonly runtimeVersion: string;
  readonly maxMessageBytes: number;
  readonly networkLimits: NetworkLimits;
  readonly drainTimeoutMs: number;
  readonly shutdownGraceMs: number;
  /** Undefined: do not wait for ModelMesh. */
  readonly prestopPort: number | undefined;
  readonly prestopTimeoutMs: number;
  readonly hostGraceMs: number;
  readonly engineHosts: number;
  readonly executionProvider: ExecutionProvider;
  readonly dedicatedHostMinBytes: number;
  /** Undefined: no TLS. */
  readonly tls: TlsSettings | undefined;
  readonly access: AccessSettings;
  readonly lifecycleOwner: "auto" | "repository" | "modelmesh";
  readonly readyWhen: "loaded" | "started";
  /** The form that browsers send. */
  readonly corsOrigins: readonly string[];
  /** Names without ports, in lower case. */
  readonly allowedHosts: readonly string[];
  readonly metrics: MetricsSettings;
  readonly logLevel: LogLevel;
  readonly accessLog: AccessLog;
  readonly debugEndpoints: DebugEndpoints;
  /** Undefined: off. */
  readonly tracing: TracingSettings | undefined;
  /** Undefined: off. */
  readonly payloadLog: PayloadLogSettings | undefined;
}

/** The settings that were read, and the problems with them. */
export interface ConfigReading {
  /** Undefined if there are problems. */
  readonly config: Config | undefined;
  /** Every setting, and the source of its value. */
  readonly values: SourcedSettings["values"];
  readonly problems: readonly string[];
  /** Values that are probably mistakes. */
  readonly warnings: readonly string[];
}

/** Reads flags (`argv`, without the program and the command), then `env`, then the settings file that these
 *  name, then defaults. Never rejects. */
export async function loadConfig(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<ConfigReading> {
  const path = configFilePath(readFlags(argv, []), env);
  return judgeConfig(argv, env, path === undefined ? undefined : await readConfigFile(path));
}

/** As `loadConfig`, without a file. Throws RuntimeError "invalid-argument" whose message lists every problem,
 *  one per line. */
export function readConfig(argv: readonly string[], env: NodeJS.ProcessEnv): Config {
  const { config, problems } = judgeConfig(argv, env, undefined);
  if (config === undefined) throw new RuntimeError("invalid-argument", problems.join("\n"));
  return config;
}

function judgeConfig(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  file: ConfigFile | undefined,
): ConfigReading {
  const problems: string[] = [];
  const flags = readFlags(argv, problems);
  const { values: said, warnings, problems: badValues } = sourceSettings(flags, env, file);
  problems.push(...badValues);
  const { division, values, problems: shortfalls, warnings: doubts } = planMemory(said);
  const config = assemble(values, division, problems);
  if (problems.length === 0) {
    problems.push(...shortfalls);
    checkNetworkLimits(config, values, problems);
  }
  const isSound = problems.length === 0;
  return {
    config: isSound ? Object.freeze(config) : undefined,
    values,
    problems,
    warnings: [...warnings, ...doubts],
  };
}

type Values = SourcedSettings["values"];

function assemble(values: Values, memory: MemoryDivision, problems: string[]): Config {
  const raw = valuesOf(values);
  const number = (name: SettingName) => raw[name] as number;
  const optional = (name: SettingName) => (raw[name] === "" ? undefined : (raw[name] as string));
  const whereIs = (name: SettingName) => values[name].source.name;
  const repository = optional("model-repository");
  const roots = [
    ...(repository === undefined ? [] : [repository]),
    raw["root-model-dir"] as string,
    ...(raw["extra-model-dirs"] as string).split(delimiter),
  ].filter((root) => root !== "");
  const tls = readTlsSettings(raw, problems);
  const signing = readSigningSettings(raw, problems);
  const access = readAccessSettings(raw, problems);
  if (access.lifecycleClients.length > 0 && tls?.clientCaPath === undefined) {
    problems.push(
      "LIFECYCLE_CLIENTS needs TLS_CLIENT_CA_PATH: the names are checked in client certificates",
    );
  }
  return {
    configPath: optional("config"),
    host: raw.host as string,
    port: number("port"),
    unixSocket: optional("unix-socket"),
    reflection: raw.reflection === "on",
    hostingRoutes: readHostingRoutes(
      { health: raw["health-route"] as string, predict: raw["predict-route"] as string },
      { health: whereIs("health-route"), predict: whereIs("predict-route") },
      problems,
    ),
    caikitDomain: readDomain(raw["caikit-domain"] as string, whereIs("caikit-domain"), problems),
    modelRepository: repository === undefined ? undefined : resolve(repository),
    repositoryPollMs: Math.round(number("repository-poll-seconds") * 1_000),
    namedModels: readNamedModels(
      { names: raw["model-name"] as string, paths: raw["model-path"] as string },
      { names: whereIs("model-name"), paths: whereIs("model-path") },
      problems,
    ),
    modelRoots: [...new Set(roots.map((root) => resolve(root)))],
    pull: readPullSettings(raw, raw["root-model-dir"] as string, problems),
    signing,
    translation: readTranslationSettings(raw, raw["root-model-dir"] as string),
    memory,
    capacityBytes: memory.models,
    loadingConcurrency: number("loading-concurrency"),
    loadTimeoutMs: number("load-timeout"),
    defaultModelBytes: number("default-model-size"),
    modelSizeMultiplier: raw["model-size-multiplier"] as number | undefined,
    limitPerModelConcurrency: number("limit-per-model-concurrency"),
    runSettings: runSettings((name) => raw[name]),
    embeddingCacheBytes: number("embedding-cache-size"),
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
    hostGraceMs: number("host-grace"),
    engineHosts: number("engine-hosts"),
    executionProvider: raw["execution-provider"] as ExecutionProvider,
    dedicatedHostMinBytes: number("dedicated-host-size"),
    tls,
    access,
    lifecycleOwner: raw["lifecycle-owner"] as Config["lifecycleOwner"],
    readyWhen: raw["ready-when"] as Config["readyWhen"],
    corsOrigins: readOrigins(raw["cors-origins"] as string, whereIs("cors-origins"), problems),
    allowedHosts: [
      // IP addresses are always allowed.
      ...(isIP(raw.host as string) === 0 ? [(raw.host as string).toLowerCase()] : []),
      ...readHostnames(raw["allowed-hosts"] as string, whereIs("allowed-hosts"), problems),
    ],
    metrics: readMetricsSettings(raw, raw.host as string),
    logLevel: raw["log-level"] as LogLevel,
    accessLog: readAccessLog(raw),
    debugEndpoints: raw["debug-endpoints"] as DebugEndpoints,
    tracing: readTracing(raw, problems),
    payloadLog: readPayloadLog(raw, problems),
  };
}

/** Part of a name in gRPC. `name`: of the setting, as the operator wrote it. */
function readDomain(domain: string, name: string, problems: string[]): string {
  if (/^[A-Za-z][A-Za-z0-9_]*$/.test(domain)) return domain;
  problems.push(`${name} is '${domain}', expected a name of letters, digits and _, such as Nlp`);
  return domain;
}

function valuesOf(values: Values): Readonly<Record<SettingName, SettingValue>> {
  const entries = Object.entries(values).map(([name, { value }]) => [name, value]);
  return Object.fromEntries(entries) as Record<SettingName, SettingValue>;
}

/** Every allowed message must fit into the memory limits. */
function checkNetworkLimits(
  { maxMessageBytes, networkLimits }: Config,
  values: Values,
  problems: string[],
): void {
  const { maxConnectionBytes, maxCallBytes } = networkLimits;
  if (Math.min(maxConnectionBytes, maxCallBytes) >= maxMessageBytes) return;
  const [connection, calls, message] = namesOf(
    values,
    "max-connection-bytes",
    "max-call-bytes",
    "max-message-size",
  );
  problems.push(
    `${connection} (${maxConnectionBytes}) and ${calls} (${maxCallBytes}) ` +
      `must be at least ${message} (${maxMessageBytes})`,
  );
}

/** The value as the operator wrote it. */
function namesOf(values: Values, ...names: SettingName[]): string[] {
  return names.map((name) => values[name].source.name);
}

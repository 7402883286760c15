import { availableParallelism } from "node:os";
import { delimiter } from "node:path";
import { version } from "../base/version.ts";
import { accessLogSettings } from "./access-log-settings.ts";
import { accessSettings } from "./access-settings.ts";
import { debugSettings } from "./debug-settings.ts";
import { hostingSettings } from "./hosting/hosting-routes.ts";
import { namedModelSettings } from "./hosting/named-models.ts";
import { logLevels } from "./log-levels.ts";
import { memorySettings } from "./memory-settings.ts";
import { metricsSettings } from "./metrics-settings.ts";
import { networkSettings } from "./network-limits.ts";
import { payloadLogSettings } from "./payload-log/payload-log-settings.ts";
import { pullSettings } from "./pull-settings.ts";
import { pollingSettings } from "./repository/polling-settings.ts";
import { executionProviders, inferenceSettings } from "./run-settings.ts";
import type { SettingRows } from "./setting.ts";
import { signingSettings } from "./signing/signing-settings.ts";
import { textSettings } from "./text-settings.ts";
import { tlsSettings } from "./tls-settings.ts";
import { tracingSettings } from "./tracing-settings.ts";
import { translationSettings } from "./translation-settings.ts";

const KiB = 1024;
const MiB = 1024 * KiB;

const general = {
  config: {
    env: "MODELPORT_CONFIG",
    type: "text",
    default: "",
    doc: "YAML or JSON file with settings, named like the flags",
  },
  "log-level": {
    env: "LOG_LEVEL",
    type: "choice",
    choices: logLevels,
    default: "info",
    doc: "minimum log level",
  },
  "runtime-version": {
    env: "RUNTIME_VERSION",
    type: "text",
    default: version,
    defaultText: "Modelport's own",
    doc: "version that runtimeStatus reports",
  },
} as const satisfies SettingRows;

const listening = {
  host: {
    env: "LISTEN_HOST",
    type: "text",
    default: "localhost",
    doc: "address to listen on; localhost means 127.0.0.1 and ::1",
  },
  port: {
    env: "ADAPTER_PORT",
    // How Vertex AI and SageMaker say where they will call.
    aliases: ["AIP_HTTP_PORT", "SAGEMAKER_BIND_TO_PORT"],
    type: "integer",
    default: 8085,
    min: 0,
    max: 65_535,
    doc: "TCP port for gRPC, gRPC-Web, Connect and REST; 0 picks a free port",
  },
  "unix-socket": {
    env: "UNIX_SOCKET_PATH",
    aliases: ["INTERNAL_GRPC_SOCKET_PATH"],
    type: "text",
    default: "",
    doc: "unix socket to listen on in addition to the TCP port",
  },
  reflection: {
    env: "GRPC_REFLECTION",
    type: "choice",
    choices: ["on", "off"],
    default: "on",
    doc: "serve gRPC reflection, for clients such as grpcurl",
  },
  "caikit-domain": {
    env: "CAIKIT_DOMAIN",
    type: "text",
    default: "Nlp",
    doc: "domain D in the name of Caikit's inference service, caikit.runtime.D.DService",
  },
  ...hostingSettings,
} as const satisfies SettingRows;

const finding = {
  "model-repository": {
    env: "MODEL_REPOSITORY",
    type: "text",
    default: "",
    doc: "directory whose models are loaded at start (standalone mode)",
  },
  ...pollingSettings,
  ...namedModelSettings,
  "root-model-dir": {
    env: "ROOT_MODEL_DIR",
    type: "text",
    default: "/models",
    doc: "directory that contains all model paths; relative paths are resolved against it",
  },
  "extra-model-dirs": {
    env: "EXTRA_MODEL_DIRS",
    type: "text",
    separator: delimiter,
    default: "/pvc_mounts",
    doc: `additional directories for model paths, separated by "${delimiter}"`,
  },
} as const satisfies SettingRows;

const loading = {
  "loading-concurrency": {
    env: "LOADING_CONCURRENCY",
    type: "integer",
    default: Math.max(2, availableParallelism()),
    defaultText: "one per core, at least 2",
    min: 1,
    max: 1024,
    doc: "models that load in parallel",
  },
  "load-timeout": {
    env: "LOADTIME_TIMEOUT",
    type: "integer",
    unit: "ms",
    default: 30_000,
    min: 100,
    max: 2 ** 31 - 1,
    doc: "time limit for one load",
  },
  "warmup-timeout": {
    env: "WARMUP_TIMEOUT",
    type: "integer",
    unit: "ms",
    default: 5_000,
    min: 1,
    max: 2 ** 31 - 1,
    doc: "time limit for the warm-up runs of a load; a model that exceeds it is loaded without warm-up",
  },
  "host-grace": {
    env: "HOST_GRACE",
    type: "integer",
    unit: "ms",
    default: 2_000,
    min: 10,
    max: 2 ** 31 - 1,
    doc: "how long an engine host that holds up other calls may continue an abandoned run or load before it is killed",
  },
  "engine-hosts": {
    env: "ENGINE_HOSTS",
    type: "integer",
    default: undefined,
    defaultText: "one per core, or as many as an eighth of the container has room for",
    min: 1,
    max: 256,
    doc: "engine hosts shared by small models",
  },
  "execution-provider": {
    env: "EXECUTION_PROVIDER",
    type: "choice",
    choices: executionProviders,
    default: "cpu",
    doc: "where ONNX Runtime runs models: cpu, or cuda, an NVIDIA GPU, which needs the image for GPUs and is experimental",
  },
} as const satisfies SettingRows;

const limits = {
  "max-message-size": {
    env: "MAX_MESSAGE_BYTES",
    aliases: ["MM_SVC_GRPC_MAX_MSG_SIZE"],
    type: "integer",
    unit: "bytes",
    default: 64 * MiB,
    min: 64 * KiB,
    max: 2 ** 31 - 1,
    doc: "maximum size of a request message, after decompression",
  },
  ...networkSettings,
} as const satisfies SettingRows;

const stopping = {
  "drain-timeout": {
    env: "DRAIN_TIMEOUT",
    type: "integer",
    unit: "ms",
    default: 10_000,
    min: 0,
    max: 2 ** 31 - 1,
    doc: "time for in-flight inferences to finish when their model is unloaded",
  },
  "shutdown-grace": {
    env: "SHUTDOWN_GRACE",
    type: "integer",
    unit: "ms",
    default: 10_000,
    min: 0,
    max: 2 ** 31 - 1,
    doc: "time for in-flight calls to finish after SIGTERM",
  },
  "prestop-port": {
    env: "MM_PRESTOP_WAIT_PORT",
    type: "integer",
    default: 0,
    min: 0,
    max: 65_535,
    doc: "after SIGTERM, keep serving until ModelMesh's pre-stop server on this port responds; 0 disables this, for pods with a preStop hook",
  },
  "prestop-timeout": {
    env: "PRESTOP_TIMEOUT",
    type: "integer",
    unit: "ms",
    default: 62_000,
    min: 0,
    max: 2 ** 31 - 1,
    doc: "how long to wait for that response; default: ModelMesh's own termination time",
  },
} as const satisfies SettingRows;

const access = {
  ...accessSettings,
  "lifecycle-owner": {
    env: "LIFECYCLE_OWNER",
    type: "choice",
    choices: ["auto", "repository", "modelmesh"],
    default: "auto",
    doc: "who controls loading and unloading; auto: the repository if one is set, otherwise ModelMesh once it calls",
  },
  "ready-when": {
    env: "READY_WHEN",
    type: "choice",
    choices: ["loaded", "started"],
    default: "loaded",
    doc: "when this runtime reports ready; loaded: once every model in the repository has loaded or failed; started: once it accepts calls",
  },
  "cors-origins": {
    env: "CORS_ORIGINS",
    type: "text",
    separator: ",",
    default: "",
    doc: "web origins allowed to call (CORS), such as https://ops.example.com, separated by commas",
  },
  "allowed-hosts": {
    env: "ALLOWED_HOSTS",
    type: "text",
    separator: ",",
    default: "",
    doc: "host names that browsers may use for this server besides localhost and IP addresses, separated by commas",
  },
} as const satisfies SettingRows;

/** One row per setting: environment variable, flag, unit, default, range and meaning. Variables that
 *  ModelMesh's runtime adapters also have keep their names, meanings and units. */
export const settings = {
  ...general,
  ...listening,
  ...finding,
  ...pullSettings,
  ...signingSettings,
  ...memorySettings,
  ...loading,
  ...translationSettings,
  ...inferenceSettings,
  ...textSettings,
  ...limits,
  ...stopping,
  ...tlsSettings,
  ...access,
  ...metricsSettings,
  ...accessLogSettings,
  ...tracingSettings,
  ...payloadLogSettings,
  ...debugSettings,
} as const satisfies SettingRows;

export type SettingName = keyof typeof settings;

/** The same in groups for documentation: each setting is in exactly one. */
export const settingGroups: readonly { readonly title: string; readonly rows: SettingRows }[] = [
  { title: "General", rows: general },
  { title: "Where to listen", rows: listening },
  { title: "Where models are", rows: finding },
  { title: "Pulling models", rows: pullSettings },
  { title: "Signed models", rows: signingSettings },
  { title: "Memory", rows: memorySettings },
  { title: "Loading", rows: loading },
  { title: "Translating models of other libraries", rows: translationSettings },
  { title: "Inference", rows: inferenceSettings },
  { title: "Text models", rows: textSettings },
  { title: "Client limits", rows: limits },
  { title: "Stopping", rows: stopping },
  { title: "TLS", rows: tlsSettings },
  { title: "Access", rows: access },
  { title: "Metrics", rows: metricsSettings },
  { title: "Access log", rows: accessLogSettings },
  { title: "Tracing", rows: tracingSettings },
  { title: "Payload log", rows: payloadLogSettings },
  { title: "Diagnostics", rows: debugSettings },
];

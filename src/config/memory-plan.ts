import type { MemoryDivision } from "../base/memory-parts.ts";
import { type Division, divideMemory } from "./memory-division.ts";
import { payloadThreadBytes } from "./payload-log/thread-memory.ts";
import { describeValue } from "./setting.ts";
import type { SourcedSettings } from "./setting-sources.ts";
import type { SettingName } from "./settings.ts";

type Values = SourcedSettings["values"];

const MiB = 1024 * 1024;
/** Per connection, unless the container is small. */
const usualConnectionBytes = 256 * MiB;

export interface MemoryPlan {
  readonly division: MemoryDivision;
  /** The same settings, with values derived from the container in place of defaults. */
  readonly values: Values;
  /** Configured values that do not fit. */
  readonly problems: readonly string[];
  /** Configured values with which nothing is promised about the container. */
  readonly warnings: readonly string[];
}

/** Divides the container into its parts, according to the settings. */
export function planMemory(values: Values): MemoryPlan {
  const number = (name: SettingName) => values[name].value as number;
  const wish = (name: SettingName) =>
    values[name].source.kind === "default" ? undefined : number(name);
  const leastModels = leastCapacity(number("default-model-size"));
  const divided = divideMemory({
    container: number("container-memory"),
    buffer: wish("memory-buffer"),
    runs: wish("run-memory"),
    payloads: wish("max-call-bytes"),
    sharedHosts: wish("engine-hosts"),
    hostWaste: wish("host-waste"),
    largestMessage: number("max-message-size"),
    embeddingCache: number("embedding-cache-size"),
    payloadLog: payloadLogBytes(values),
    leastModels,
  });
  const { division, sharedHosts, hostWaste } = divided;
  const { container, models, runs, payloads } = division;
  const derived: Partial<Record<SettingName, number>> = {
    "memory-buffer": container - models,
    "run-memory": runs,
    "max-call-bytes": payloads,
    "max-connection-bytes": Math.min(usualConnectionBytes, payloads),
    "engine-hosts": sharedHosts,
    "host-waste": hostWaste,
  };
  return {
    division,
    values: withDefaults(values, derived),
    warnings: values["memory-buffer"].value === 0 ? [withoutBuffer(division, values)] : [],
    problems: [
      ...bufferProblems(divided, values),
      ...capacityProblems(divided, values, leastModels),
    ],
  };
}

/** ModelMesh exits if a READY answer has less, so we do not start with it. */
function leastCapacity(defaultModelBytes: number): number {
  return Math.max(2 * defaultModelBytes, Math.min(512 * MiB, 10 * defaultModelBytes));
}

/** 0 while it is off. */
function payloadLogBytes(values: Values): number {
  const number = (name: SettingName) => values[name].value as number;
  const isOn = values["payload-log-url"].value !== "" || values["payload-log-folder"].value !== "";
  if (!isOn) return 0;
  return number("payload-log-queue-bytes") + payloadThreadBytes(number("payload-log-max-bytes"));
}

function withDefaults(values: Values, derived: Partial<Record<SettingName, number>>): Values {
  const entries = Object.entries(values).map(([name, entry]) => {
    const value = derived[name as SettingName];
    const isUnset = entry.source.kind === "default" && value !== undefined;
    return [name, isUnset ? { ...entry, value } : entry] as const;
  });
  return Object.fromEntries(entries) as Values;
}

function withoutBuffer(
  { container, server, hosts, payloads, runs }: MemoryDivision,
  values: Values,
): string {
  const rest = roundedUp(server + hosts + payloads + runs);
  return `${values["memory-buffer"].source.name} is 0: models may take the whole container (${shown(container)}), and the server, its hosts, calls and runs up to ${rest} more`;
}

function bufferProblems({ division, leastBuffer }: Division, values: Values): string[] {
  const { value, source } = values["memory-buffer"];
  if (source.kind === "default" || (value as number) >= leastBuffer) return [];
  return [
    `${source.name} (${shown(value as number)}) must be at least ${shown(leastBuffer)}, or unset: ` +
      describeOthers(division, values),
  ];
}

function capacityProblems(
  { division, leastContainer }: Division,
  values: Values,
  leastModels: number,
): string[] {
  const { container, models } = division;
  if (models >= leastModels) return [];
  const [memory, size] = [values["container-memory"], values["default-model-size"]];
  const buffer = values["memory-buffer"].source;
  const what =
    buffer.kind === "default"
      ? `${memory.source.name} (${shown(container)})`
      : `${memory.source.name} minus ${buffer.name}`;
  return [
    `${what} leaves ${models} bytes for models; ` +
      `ModelMesh needs at least ${leastModels} with ${size.source.name} ${size.value}. ` +
      `${memory.source.name} must be at least ${leastContainer} (${roundedUp(leastContainer)}): ` +
      describeOthers(division, values),
  ];
}

/** What is not for models, with the names of the settings that would reduce it. */
function describeOthers({ server, hosts }: MemoryDivision, values: Values): string {
  const { "max-message-size": message, "engine-hosts": count, "host-waste": waste } = values;
  const cache = values["embedding-cache-size"];
  const withCache = cache.value === 0 ? "" : ` with the cache of embeddings (${cache.source.name})`;
  const queue = values["payload-log-queue-bytes"].source.name;
  const withLog = payloadLogBytes(values) === 0 ? "" : ` with the payload log (${queue})`;
  const [calls, runs] = [values["max-call-bytes"], values["run-memory"]];
  const ofCalls =
    calls.source.kind === "default"
      ? `calls at least one message (${message.source.name}, ${shown(message.value as number)})`
      : `calls ${shown(calls.value as number)} (${calls.source.name})`;
  const ofRuns =
    runs.source.kind === "default"
      ? "runs at least 32 MiB"
      : `runs ${shown(runs.value as number)} (${runs.source.name})`;
  const ofHosts = [count, waste].filter(({ source }) => source.kind !== "default");
  const hostNames = (ofHosts.length > 0 ? ofHosts : [count]).map(({ source }) => source.name);
  return `the server takes ${shown(server)}${withCache}${withLog}, engine hosts ${shown(hosts)} (${hostNames.join(", ")}), ${ofCalls}, ${ofRuns}`;
}

function shown(bytes: number): string {
  return describeValue(bytes, "bytes");
}

function roundedUp(bytes: number): string {
  return `${Math.ceil(bytes / MiB)} MiB`;
}

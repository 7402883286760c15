import type { SettingRows } from "./setting.ts";

const samplers = [
  "always_on",
  "always_off",
  "traceidratio",
  "parentbased_always_on",
  "parentbased_always_off",
  "parentbased_traceidratio",
] as const;

export interface TracingSettings {
  readonly serviceName: string;
  /** Comma-separated key=value pairs with percent-encoded values, OpenTelemetry's format. */
  readonly resourceAttributes: string;
  /** The URL that spans are posted to. */
  readonly url: string;
  readonly sampler: (typeof samplers)[number];
  /** The fraction of traces to keep, from 0 to 1. */
  readonly sampledShare: number;
  /** Spans that may wait to be sent; further ones are dropped. */
  readonly maxQueueSize: number;
  readonly maxBatchSize: number;
  readonly scheduleDelayMs: number;
  readonly exportTimeoutMs: number;
}

/** The tracing rows of src/config/settings.ts: OpenTelemetry's own settings, except the switch. The exporter
 *  itself reads those that are not here (headers, certificates, compression). */
export const tracingSettings = {
  tracing: {
    env: "TRACING",
    type: "choice",
    choices: ["off", "on"],
    default: "off",
    doc: "send traces to an OpenTelemetry collector",
  },
  "otel-service-name": {
    env: "OTEL_SERVICE_NAME",
    type: "text",
    default: "modelport",
    doc: "name of this service in traces",
  },
  "otel-resource-attributes": {
    env: "OTEL_RESOURCE_ATTRIBUTES",
    type: "text",
    separator: ",",
    default: "",
    doc: "additional resource attributes in traces: key=value, separated by commas",
  },
  "otel-protocol": {
    env: "OTEL_EXPORTER_OTLP_PROTOCOL",
    type: "choice",
    choices: ["http/protobuf"],
    default: "http/protobuf",
    doc: "protocol for sending traces",
  },
  "otel-endpoint": {
    env: "OTEL_EXPORTER_OTLP_ENDPOINT",
    type: "text",
    default: "http://localhost:4318",
    doc: "URL of the collector; traces are posted to /v1/traces below it",
  },
  "otel-traces-endpoint": {
    env: "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    type: "text",
    default: "",
    doc: "full URL for posting traces, used instead of the collector URL",
  },
  "otel-sampler": {
    env: "OTEL_TRACES_SAMPLER",
    type: "choice",
    choices: samplers,
    default: "parentbased_always_on",
    doc: "trace sampler; parentbased samplers follow the client's decision if there is one",
  },
  "otel-sampler-arg": {
    env: "OTEL_TRACES_SAMPLER_ARG",
    type: "number",
    default: 1,
    min: 0,
    max: 1,
    doc: "share of traces kept by ratio samplers",
  },
  "otel-queue-size": {
    env: "OTEL_BSP_MAX_QUEUE_SIZE",
    type: "integer",
    default: 2_048,
    min: 1,
    max: 1_000_000,
    doc: "maximum spans waiting to be sent; more are dropped",
  },
  "otel-batch-size": {
    env: "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
    type: "integer",
    default: 512,
    min: 1,
    max: 1_000_000,
    doc: "maximum spans per batch",
  },
  "otel-schedule-delay": {
    env: "OTEL_BSP_SCHEDULE_DELAY",
    type: "integer",
    unit: "ms",
    default: 5_000,
    min: 1,
    max: 2 ** 31 - 1,
    doc: "delay between batches of spans",
  },
  "otel-export-timeout": {
    env: "OTEL_BSP_EXPORT_TIMEOUT",
    type: "integer",
    unit: "ms",
    default: 30_000,
    min: 1,
    max: 2 ** 31 - 1,
    doc: "time limit for sending a batch of spans",
  },
} as const satisfies SettingRows;

type Raw = Readonly<Record<keyof typeof tracingSettings, string | number | undefined>>;

/** Undefined if tracing is off. Adds a line to `problems` for each value that cannot be used. */
export function readTracing(raw: Raw, problems: string[]): TracingSettings | undefined {
  if (raw.tracing !== "on") return undefined;
  const endpoint = String(raw["otel-endpoint"]);
  const url = String(raw["otel-traces-endpoint"]) || `${endpoint.replace(/\/+$/, "")}/v1/traces`;
  if (!/^https?:$/.test(URL.parse(url)?.protocol ?? "")) {
    problems.push(`OTEL_EXPORTER_OTLP_ENDPOINT gives "${url}": expected an http or https URL`);
  }
  return {
    serviceName: String(raw["otel-service-name"]),
    resourceAttributes: String(raw["otel-resource-attributes"]),
    url,
    sampler: raw["otel-sampler"] as TracingSettings["sampler"],
    sampledShare: Number(raw["otel-sampler-arg"]),
    maxQueueSize: Number(raw["otel-queue-size"]),
    maxBatchSize: Math.min(Number(raw["otel-batch-size"]), Number(raw["otel-queue-size"])),
    scheduleDelayMs: Number(raw["otel-schedule-delay"]),
    exportTimeoutMs: Number(raw["otel-export-timeout"]),
  };
}

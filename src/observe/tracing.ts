import type { Attributes, Context, Span } from "@opentelemetry/api";
import type { Sampler } from "@opentelemetry/sdk-trace";
import { describeError } from "../base/errors.ts";
import { loadPackages } from "../base/load-sdk.ts";
import { version } from "../base/version.ts";
import type { TracingSettings } from "../config/tracing-settings.ts";
import type { Logger } from "./log.ts";
import type { TraceContext } from "./trace-scope.ts";

export interface SpanStart {
  readonly name: string;
  readonly kind: "server" | "internal";
  /** Undefined: the span begins a trace. */
  readonly parent: TraceContext | undefined;
  /** By `performance.now()`, here and below. */
  readonly startMs: number;
  readonly attributes?: Attributes;
}

export interface SpanEnd {
  readonly endMs: number;
  readonly attributes?: Attributes;
  /** Of what failed: what it was, in few words that repeat, and in one line for people. */
  readonly error?: { readonly type: string; readonly message?: string };
}

export interface TraceSpan {
  readonly context: TraceContext;
  /** Whether anybody will see it. */
  readonly isRecording: boolean;
  /** To be called once. */
  end(end: SpanEnd): void;
}

/** Traces, without OpenTelemetry's names. Never throws and never waits. */
export interface Tracing {
  start(span: SpanStart): TraceSpan;
  /** What the headers of a request say of the span that it was sent from. */
  extract(header: { get(name: string): string | null }): TraceContext | undefined;
  /** Sends what waits to be sent; resolves after `timeoutMs` at the latest. */
  close(timeoutMs: number): Promise<void>;
}

/** The packages of which tracing consists, in the versions that we are tested with. */
const packages = {
  "@opentelemetry/api": "1.10.0",
  "@opentelemetry/core": "3.1.1",
  "@opentelemetry/exporter-trace-otlp-proto": "0.301.1",
  "@opentelemetry/resources": "3.1.1",
  "@opentelemetry/sdk-trace": "3.1.1",
};

/** A collector that is down is worth a line now and then. */
const quietMs = 60_000;

/** Loads OpenTelemetry, and starts to send. Throws "failed-precondition" if it is not installed. */
export async function openTracing(settings: TracingSettings, log: Logger): Promise<Tracing> {
  const [api, core, { OTLPTraceExporter }, resources, sdk] = await loadPackages(
    "tracing",
    packages,
    () =>
      Promise.all([
        import("@opentelemetry/api"),
        import("@opentelemetry/core"),
        import("@opentelemetry/exporter-trace-otlp-proto"),
        import("@opentelemetry/resources"),
        import("@opentelemetry/sdk-trace"),
      ]),
  );
  const report = quietly((reason) => log.warn({ reason }, "traces not sent"));
  core.setGlobalErrorHandler((error) => report(describeError(errorOf(error))));
  const { serviceName, resourceAttributes } = settings;
  const provider = new sdk.TracerProvider({
    resource: resources.defaultResource().merge(
      resources.resourceFromAttributes({
        ...core.parseKeyPairsIntoRecord(resourceAttributes),
        "service.name": serviceName,
        "service.version": version,
        "process.pid": process.pid,
      }),
    ),
    sampler: samplerOf(settings, sdk),
    spanProcessors: [
      new sdk.BatchSpanProcessor({
        exporter: new OTLPTraceExporter({
          url: settings.url,
          timeoutMillis: settings.exportTimeoutMs,
        }),
        maxQueueSize: settings.maxQueueSize,
        maxExportBatchSize: settings.maxBatchSize,
        scheduledDelayMillis: settings.scheduleDelayMs,
        exportTimeoutMillis: settings.exportTimeoutMs,
      }),
    ],
  });
  const tracer = provider.getTracer("modelport", version);
  const propagator = new core.W3CTraceContextPropagator();
  const clock = new WallClock();
  const contextOf = (parent: TraceContext | undefined): Context =>
    parent === undefined ? api.ROOT_CONTEXT : api.trace.setSpanContext(api.ROOT_CONTEXT, parent);
  const kinds = { server: api.SpanKind.SERVER, internal: api.SpanKind.INTERNAL };
  const end = (span: Span, { endMs, attributes = {}, error }: SpanEnd) => {
    span.setAttributes(attributes);
    if (error !== undefined) {
      const { type, message } = error;
      span.setAttribute("error.type", type);
      const code = api.SpanStatusCode.ERROR;
      span.setStatus(message === undefined ? { code } : { code, message });
    }
    span.end(clock.at(endMs));
  };
  return {
    start({ name, kind, parent, startMs, attributes = {} }) {
      if (parent === undefined || parent.isRemote === true) clock.follow();
      const options = { kind: kinds[kind], startTime: clock.at(startMs), attributes };
      const span = tracer.startSpan(name, options, contextOf(parent));
      return {
        context: span.spanContext(),
        isRecording: span.isRecording(),
        end: (ended) => end(span, ended),
      };
    },
    extract(header) {
      const context = propagator.extract(api.ROOT_CONTEXT, header, headerGetter);
      return api.trace.getSpanContext(context);
    },
    async close(timeoutMs) {
      const timer = Promise.withResolvers<void>();
      const timeout = setTimeout(timer.resolve, timeoutMs);
      const flushed = provider.shutdown().catch((error) => report(describeError(errorOf(error))));
      await Promise.race([flushed, timer.promise]);
      clearTimeout(timeout);
    },
  };
}

const headerGetter = {
  keys: () => [],
  get: (header: unknown, name: string) =>
    (header as { get(name: string): string | null }).get(name) ?? undefined,
};

function samplerOf(
  { sampler, sampledShare }: TracingSettings,
  sdk: typeof import("@opentelemetry/sdk-trace"),
): Sampler {
  const roots = {
    always_on: () => new sdk.AlwaysOnSampler(),
    always_off: () => new sdk.AlwaysOffSampler(),
    traceidratio: () => new sdk.TraceIdRatioBasedSampler(sampledShare),
  };
  const root = roots[sampler.replace("parentbased_", "") as keyof typeof roots]();
  return sampler.startsWith("parentbased_") ? new sdk.ParentBasedSampler({ root }) : root;
}

/** Turns points of the monotonic clock into those of the wall. The difference of the two is kept, so that the
 *  spans of a trace fit each other to the microsecond, and followed when it has moved. */
class WallClock {
  #originMs = Date.now() - performance.now();

  follow(): void {
    const originMs = Date.now() - performance.now();
    // The wall's clock ticks in milliseconds.
    if (Math.abs(originMs - this.#originMs) > 2) this.#originMs = originMs;
  }

  at(ms: number): number {
    return this.#originMs + ms;
  }
}

/** The SDK hands over what was thrown, or a text of it. */
function errorOf(error: unknown): unknown {
  if (Array.isArray(error)) return errorOf(error[0]);
  return typeof error === "object" && error !== null && "message" in error ? error.message : error;
}

function quietly(report: (reason: string) => void): (reason: string) => void {
  let lastMs = Number.NEGATIVE_INFINITY;
  return (reason) => {
    const nowMs = performance.now();
    if (nowMs - lastMs < quietMs) return;
    lastMs = nowMs;
    report(reason);
  };
}

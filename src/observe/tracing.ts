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
  /** For failures: the error in a few words that repeat, and in one line for people. */
  readonly error?: { readonly type: string; readonly message?: string };
}

export interface TraceSpan {
  readonly context: TraceContext;
  /** Whether the span is recorded. */
  readonly isRecording: boolean;
  /** Call it once. */
  end(end: SpanEnd): void;
}

/** Traces, without OpenTelemetry's names. Never throws and never waits. */
export interface Tracing {
  start(span: SpanStart): TraceSpan;
  /** The parent span that the request's headers name. */
  extract(header: { get(name: string): string | null }): TraceContext | undefined;
  /** Sends all waiting spans; resolves after `timeoutMs` at the latest. */
  close(timeoutMs: number): Promise<void>;
}

/** The packages that tracing consists of, in the versions that we test with. */
const packages = {
  "@opentelemetry/api": "1.10.0",
  "@opentelemetry/core": "3.1.1",
  "@opentelemetry/exporter-trace-otlp-proto": "0.301.1",
  "@opentelemetry/resources": "3.1.1",
  "@opentelemetry/sdk-trace": "3.1.1",
};

/** While a collector is down, one line now and then is enough. */
const quietMs = 60_000;

/** Loads OpenTelemetry and starts sending. Throws "failed-precondition" if it is not installed. */
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

/** Converts monotonic times to wall-clock times. The offset is kept, so that a trace's spans fit together to
 *  the microsecond, and updated when the wall clock was adjusted. */
class WallClock {
  #originMs = Date.now() - performance.now();

  follow(): void {
    const originMs = Date.now() - performance.now();
    // The wall clock ticks in milliseconds.
    if (Math.abs(originMs - this.#originMs) > 2) this.#originMs = originMs;
  }

  at(ms: number): number {
    return this.#originMs + ms;
  }
}

/** The SDK passes either the thrown error or its text. */
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

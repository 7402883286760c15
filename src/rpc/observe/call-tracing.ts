import { Code } from "@connectrpc/connect";
import { InferenceTimes } from "../../base/inference-times.ts";
import { runTraced, type TraceContext } from "../../observe/trace-scope.ts";
import type { SpanEnd, TraceSpan, Tracing } from "../../observe/tracing.ts";
import { requestIdIn } from "./call-facts.ts";
import { codeNames } from "./call-metrics.ts";
import { type CallStart, type ObservedCall, unknownRpc } from "./call-observer.ts";
import type { HeaderReader } from "./header-reader.ts";

export interface TracedCall extends ObservedCall {
  readonly traceId: string;
}

/** Probes and scrapes come every few seconds, and would bury everything else. */
const untraced = /^(?:grpc\.health\.|GET \/metrics$|GET \/v2\/health\/)/;

/** The codes that count as errors of the server, by gRPC's conventions. */
const serverFaults: ReadonlySet<Code> = new Set([
  Code.Unknown,
  Code.DeadlineExceeded,
  Code.Unimplemented,
  Code.Internal,
  Code.Unavailable,
  Code.DataLoss,
]);

/** A span for each call, which continues the client's trace, and spans for the phases of an inference. */
export class CallTracing {
  readonly #tracing: Tracing;

  constructor(tracing: Tracing) {
    this.#tracing = tracing;
  }

  begin(call: CallStart): TracedCall | undefined {
    if (untraced.test(call.rpc)) return undefined;
    const span = this.#tracing.start({
      name: call.rpc === unknownRpc ? "unknown" : call.rpc,
      kind: "server",
      parent: this.#parentOf(call.header),
      startMs: performance.now(),
    });
    if (!span.isRecording) return new UnseenCall(span.context);
    return new SeenCall({ span, tracing: this.#tracing, call });
  }

  #parentOf(header: HeaderReader): TraceContext | undefined {
    // Most clients send none, and the propagator is slow to find that out.
    return header.get("traceparent") === null ? undefined : this.#tracing.extract(header);
  }
}

/** An unsampled span: downstream services learn that from it. */
class UnseenCall implements TracedCall {
  readonly traceId: string;
  readonly #context: TraceContext;

  constructor(context: TraceContext) {
    this.traceId = context.traceId;
    this.#context = context;
  }

  run<Result>(work: () => Result): Result {
    return runTraced(this.#context, work);
  }

  end(): void {}
}

interface SeenCallParts {
  readonly span: TraceSpan;
  readonly tracing: Tracing;
  readonly call: CallStart;
}

class SeenCall implements TracedCall {
  readonly traceId: string;
  times: InferenceTimes = new InferenceTimes();
  readonly #span: TraceSpan;
  readonly #tracing: Tracing;
  readonly #protocol: CallStart["protocol"];
  readonly #attributes: Record<string, string | number>;
  #httpStatus: number | undefined;

  constructor({ span, tracing, call }: SeenCallParts) {
    this.traceId = span.context.traceId;
    this.#span = span;
    this.#tracing = tracing;
    this.#protocol = call.protocol;
    // Not given to the sampler, which reads none of them: most calls may be unsampled.
    this.#attributes = { ...methodAttributes(call), ...callAttributes(call) };
  }

  run<Result>(work: () => Result): Result {
    return runTraced(this.#span.context, work);
  }

  model(id: string): void {
    this.#attributes["modelport.model.id"] = id;
  }

  received(sizeBytes: number): void {
    this.#attributes["modelport.request.bytes"] = sizeBytes;
  }

  sent(sizeBytes: number): void {
    this.#attributes["modelport.answer.bytes"] = sizeBytes;
  }

  status(httpStatus: number): void {
    this.#httpStatus = httpStatus;
  }

  decoded(durationMs: number): void {
    this.#child("inference.decode", performance.now() - durationMs, { endMs: performance.now() });
  }

  encoded(durationMs: number): void {
    this.#child("inference.encode", performance.now() - durationMs, { endMs: performance.now() });
  }

  end(code: Code | undefined): void {
    const endMs = performance.now();
    const isFailed = code !== undefined;
    const { queuedAtMs, sentAtMs, answeredAtMs, computeMs, batchSize } = this.times;
    if (queuedAtMs > 0) {
      this.#child("inference.queue", queuedAtMs, { endMs: sentAtMs || endMs });
    }
    if (sentAtMs > 0) {
      this.#child("inference.host", sentAtMs, {
        endMs: answeredAtMs || endMs,
        attributes: {
          ...(batchSize > 0 ? { "modelport.batch.size": batchSize } : {}),
          ...(answeredAtMs > 0 ? { "modelport.compute.duration_ms": computeMs } : {}),
        },
      });
    }
    const type = codeNames[code ?? 0] ?? "UNKNOWN";
    const isFault =
      this.#httpStatus === undefined ? isFailed && serverFaults.has(code) : this.#httpStatus >= 500;
    this.#span.end({
      endMs,
      attributes: { ...this.#attributes, ...this.#outcome(type) },
      ...(isFault ? { error: { type: this.#httpStatus?.toString() ?? type } } : {}),
    });
  }

  #outcome(code: string): Record<string, string | number> {
    if (this.#protocol === "rest") {
      return this.#httpStatus === undefined
        ? {}
        : { "http.response.status_code": this.#httpStatus };
    }
    return { "rpc.status_code": this.#protocol === "connect" ? code.toLowerCase() : code };
  }

  #child(name: string, startMs: number, end: SpanEnd): void {
    const { context: parent } = this.#span;
    this.#tracing.start({ name, kind: "internal", parent, startMs }).end(end);
  }
}

function methodAttributes({ rpc, protocol }: CallStart): Record<string, string> {
  if (protocol !== "rest") {
    const system = protocol === "connect" ? "connectrpc" : "grpc";
    return { "rpc.system.name": system, "rpc.method": rpc === unknownRpc ? "_OTHER" : rpc };
  }
  const [method, route] = rpc.split(" ");
  return route === undefined
    ? { "http.request.method": "_OTHER" }
    : { "http.request.method": method ?? "_OTHER", "http.route": route };
}

function callAttributes({ header, peer, protocol }: CallStart): Record<string, string> {
  const requestId = requestIdIn(header);
  return {
    "modelport.protocol": protocol,
    ...(requestId === undefined ? {} : { "modelport.request.id": requestId }),
    ...(peer === undefined ? {} : { "network.transport": peer.kind }),
    ...(peer?.kind === "tcp" ? { "network.peer.address": peer.address } : {}),
  };
}

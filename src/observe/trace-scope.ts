import { AsyncLocalStorage } from "node:async_hooks";
import type { SpanContext } from "@opentelemetry/api";

/** A span as other processes know it. */
export type TraceContext = SpanContext;

const scope = new AsyncLocalStorage<TraceContext>();

/** Runs `work`, and everything that it starts, as part of a span. */
export function runTraced<Result>(context: TraceContext, work: () => Result): Result {
  return scope.run(context, work);
}

/** The span that this code runs in; undefined if nothing is traced. */
export function currentTrace(): TraceContext | undefined {
  return scope.getStore();
}

/** W3C trace context headers for requests that belong to the current span; empty without one. */
export function traceHeaders(): Readonly<Record<string, string>> {
  const context = scope.getStore();
  if (context === undefined) return {};
  const { traceId, spanId, traceFlags, traceState } = context;
  const flags = traceFlags.toString(16).padStart(2, "0");
  const state = traceState?.serialize() ?? "";
  return {
    traceparent: `00-${traceId}-${spanId}-${flags}`,
    ...(state === "" ? {} : { tracestate: state }),
  };
}

import { AsyncLocalStorage } from "node:async_hooks";
import type { SpanContext } from "@opentelemetry/api";

/** A span as those know it who are not in this process. */
export type TraceContext = SpanContext;

const scope = new AsyncLocalStorage<TraceContext>();

/** Runs `work`, and all that it starts, as part of a span. */
export function runTraced<Result>(context: TraceContext, work: () => Result): Result {
  return scope.run(context, work);
}

/** The span that this runs in; undefined where nothing is traced. */
export function currentTrace(): TraceContext | undefined {
  return scope.getStore();
}

/** Headers of W3C's trace context, for requests that belong to the present span; none where there is none. */
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

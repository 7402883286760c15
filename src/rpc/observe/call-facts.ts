import type { CallFacts, ObservedCall } from "./call-observer.ts";
import type { HeaderReader } from "./header-reader.ts";

export const requestIdHeader = "x-request-id";

/** What a caller may name a call: it stands in logs, and in a header of the answer. */
const validId = /^[\w.:@/+=-]{1,128}$/;

/** The caller's own name for a call; undefined if it has none that can be used. */
export function requestIdIn(header: HeaderReader): string | undefined {
  const id = header.get(requestIdHeader);
  return id !== null && validId.test(id) ? id : undefined;
}

/** By what the lines of a call are found: even where nobody observes calls, by the caller's own name for it. */
export function callFacts(call: {
  readonly observed: ObservedCall | undefined;
  readonly header: HeaderReader;
}): CallFacts | undefined {
  if (call.observed?.facts !== undefined) return call.observed.facts;
  const requestId = requestIdIn(call.header);
  return requestId === undefined ? undefined : { requestId };
}

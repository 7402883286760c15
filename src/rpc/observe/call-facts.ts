import type { CallFacts, ObservedCall } from "./call-observer.ts";
import type { HeaderReader } from "./header-reader.ts";

export const requestIdHeader = "x-request-id";

/** The format of call ids from clients: they appear in logs and in a response header. */
const validId = /^[\w.:@/+=-]{1,128}$/;

/** The client's own id for a call; undefined if there is none or it is unusable. */
export function requestIdIn(header: HeaderReader): string | undefined {
  const id = header.get(requestIdHeader);
  return id !== null && validId.test(id) ? id : undefined;
}

/** The id that groups a call's log lines. Without an observer, the client's own id. */
export function callFacts(call: {
  readonly observed: ObservedCall | undefined;
  readonly header: HeaderReader;
}): CallFacts | undefined {
  if (call.observed?.facts !== undefined) return call.observed.facts;
  const requestId = requestIdIn(call.header);
  return requestId === undefined ? undefined : { requestId };
}

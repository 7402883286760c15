import type { PayloadLogSettings } from "../../../config/payload-log/payload-log-settings.ts";
import type { CallRecord, PayloadHead, ReadRecord } from "../call-record.ts";
import type { CloudEvent } from "./cloud-event.ts";
import { isFailure, type PayloadParts, payloadBody } from "./payload-body.ts";

/** KServe's. */
const types = {
  request: "org.kubeflow.serving.inference.request",
  answer: "org.kubeflow.serving.inference.response",
} as const;

/** Never shown, whatever is asked for: with these, others could make calls. */
const secretHeaders = new Set(["authorization", "proxy-authorization", "cookie", "set-cookie"]);
const hidden = "[REDACTED]";

export interface MadeEvent {
  readonly kind: "request" | "response";
  readonly event: CloudEvent;
}

type EventSettings = Pick<PayloadLogSettings, "rules" | "maxBytes" | "origin">;

/** The events of one call, in the order of time. */
export async function eventsOf(
  { call, request, answer }: ReadRecord,
  settings: EventSettings,
): Promise<MadeEvent[]> {
  const sides = [
    { side: "request", kind: "request", head: call.request, bytes: request, timeMs: call.beganMs },
    { side: "answer", kind: "response", head: call.answer, bytes: answer, timeMs: call.endedMs },
  ] as const;
  const events: MadeEvent[] = [];
  for (const { side, kind, head, bytes, timeMs } of sides) {
    if (head === undefined) continue;
    const event = await eventOf({ call, side, head, bytes }, timeMs, settings);
    if (event !== undefined) events.push({ kind, event });
  }
  return events;
}

/** Undefined: the payload tells a failure, which is not logged. */
async function eventOf(
  parts: PayloadParts & { readonly call: CallRecord },
  timeMs: number,
  settings: EventSettings,
): Promise<CloudEvent | undefined> {
  const { call, side, head } = parts;
  const body = await payloadBody(parts, settings);
  if (body === isFailure) return undefined;
  const { inferenceService, source, namespace, component, endpoint } = settings.origin;
  const attributes: Record<string, string> = {
    specversion: "1.0",
    id: call.id,
    type: types[side],
    source,
    time: new Date(timeMs).toISOString(),
    recordedtime: new Date(call.endedMs).toISOString(),
    inferenceservicename: inferenceService || call.model,
    namespace,
    component,
    endpoint,
    metadata: JSON.stringify(metadataOf(call, settings)),
    modelid: call.model,
    protocol: call.protocol,
    payloadbytes: sizeOf(head),
    truncated: body.isTruncated ? "true" : "",
    omitted: body.omitted,
  };
  const filled = Object.entries(attributes).filter(([, value]) => value !== "");
  return { attributes: Object.fromEntries(filled), body: body.bytes, type: body.type };
}

function sizeOf({ sizeBytes }: PayloadHead): string {
  return String(sizeBytes);
}

/** As KServe's: each header with the list of its values. */
function metadataOf({ headers }: CallRecord, { rules }: EventSettings): Record<string, string[]> {
  const redacted = new Set(rules.flatMap((rule) => (rule.kind === "header" ? [rule.name] : [])));
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      [secretHeaders.has(name) || redacted.has(name) ? hidden : value],
    ]),
  );
}

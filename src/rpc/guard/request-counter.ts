import type { IncomingHttpHeaders } from "node:http";
import type { DescMessage, DescService } from "@bufbuild/protobuf";
import { EnvelopedCounter } from "./enveloped-counter.ts";
import { JsonCounter } from "./json-counter.ts";
import type { MessageCounter } from "./message-cost.ts";
import { ProtobufCounter } from "./protobuf-counter.ts";

/** By path, "/package.Service/Method". */
export type RequestMessages = ReadonlyMap<string, DescMessage>;

export function requestMessages(services: readonly DescService[]): RequestMessages {
  return new Map(
    services.flatMap(({ typeName, methods }) =>
      methods.map(({ name, input }) => [`/${typeName}/${name}`, input] as const),
    ),
  );
}

interface CountedCall {
  readonly path: string | undefined;
  readonly headers: IncomingHttpHeaders;
  /** Whether its client may send messages after the response has begun, when there is no proper form for a
   *  refusal. */
  readonly isStream?: boolean;
}

/** A counter for one message of this call, in its inflated form. Undefined if it is not an RPC, or has an
 *  unknown format. */
export function messageCounterOf(
  messages: RequestMessages,
  { path, headers }: CountedCall,
): (() => MessageCounter) | undefined {
  const message = messages.get(path?.split("?", 1)[0] ?? "");
  if (message === undefined) return undefined;
  const type = headers["content-type"]?.split(";", 1)[0]?.trim().toLowerCase() ?? "";
  if (/^application\/(json|.*\+json)$/.test(type)) return () => new JsonCounter();
  if (/^application\/(proto|grpc|grpc-web|.*\+proto)$/.test(type)) {
    return () => new ProtobufCounter(message);
  }
  return undefined;
}

/** A counter for the body of this call as it arrives. Also undefined if the whole body is compressed. */
export function bodyCounterOf(
  messages: RequestMessages,
  call: CountedCall,
): MessageCounter | undefined {
  const newCounter = messageCounterOf(messages, call);
  if (newCounter === undefined) return undefined;
  const type = call.headers["content-type"] ?? "";
  if (type.startsWith("application/grpc")) return new EnvelopedCounter(newCounter, !call.isStream);
  if (type.startsWith("application/connect+")) return new EnvelopedCounter(newCounter, false);
  const encoding = call.headers["content-encoding"] ?? "identity";
  return encoding === "identity" ? newCounter() : undefined;
}

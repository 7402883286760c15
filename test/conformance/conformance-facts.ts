import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { type Any, anyPack } from "@bufbuild/protobuf/wkt";
import { type Code, ConnectError, type HandlerContext } from "@connectrpc/connect";
import {
  ConformancePayload_RequestInfoSchema,
  type Error as ErrorDefinition,
  type Header,
} from "./gen/connectrpc/conformance/v1/conformance_pb.ts";

type RequestInfo = MessageInitShape<typeof ConformancePayload_RequestInfoSchema>;

/** What a handler can see of a call. `requests`: its messages. */
export function describeRequest(requests: Any[], context: HandlerContext): RequestInfo {
  const timeoutMs = context.timeoutMs();
  return {
    requests,
    requestHeaders: toHeaders(context.requestHeader),
    ...(timeoutMs === undefined ? {} : { timeoutMs: BigInt(Math.round(timeoutMs)) }),
    ...(context.requestMethod === "GET"
      ? { connectGetInfo: { queryParams: toHeaders(new URL(context.url).searchParams) } }
      : {}),
  };
}

/** Sets the headers and trailers that a definition asks for. */
export function writeMetadata(
  definition: { readonly responseHeaders: Header[]; readonly responseTrailers: Header[] },
  context: HandlerContext,
): void {
  append(definition.responseHeaders, context.responseHeader);
  append(definition.responseTrailers, context.responseTrailer);
}

/** The error that a definition asks for. `requestInfo` becomes its last detail. */
export function toConnectError(
  definition: ErrorDefinition,
  requestInfo: RequestInfo | undefined,
): ConnectError {
  // Both enums have gRPC's numbers.
  const error = new ConnectError(definition.message ?? "", definition.code as number as Code);
  const details = [...definition.details];
  if (requestInfo !== undefined) {
    const schema = ConformancePayload_RequestInfoSchema;
    details.push(anyPack(schema, create(schema, requestInfo)));
  }
  error.details = details.map(({ typeUrl, value }) => ({
    type: typeUrl.slice(typeUrl.lastIndexOf("/") + 1),
    value,
  }));
  return error;
}

function append(headers: Header[], target: Headers): void {
  for (const { name, value } of headers) {
    for (const each of value) target.append(name, each);
  }
}

function toHeaders(entries: Iterable<[string, string]>): { name: string; value: string[] }[] {
  const byName = new Map<string, string[]>();
  for (const [name, value] of entries) {
    byName.set(name, [...(byName.get(name) ?? []), value]);
  }
  return Array.from(byName, ([name, value]) => ({ name, value }));
}

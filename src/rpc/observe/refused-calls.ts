import type { ServerResponse } from "node:http";
import type { ServerHttp2Stream } from "node:http2";
import type { ConnectError } from "@connectrpc/connect";

/** Calls that were refused without their handler, by the object that the response is written to: the HTTP/2
 *  stream or the HTTP/1.1 response. */
const refused = new WeakMap<object, ConnectError>();

/** Records why the call was refused, for observers that only see it end. The first reason counts: the rest of a
 *  request may turn out unreadable while its connection ends. */
export function noteRefusal(to: ServerHttp2Stream | ServerResponse, error: ConnectError): void {
  if (!refused.has(to)) refused.set(to, error);
}

export function refusalOfStream(stream: ServerHttp2Stream): ConnectError | undefined {
  return refused.get(stream);
}

/** `response`: of either HTTP version. */
export function refusalOfResponse(response: ServerResponse): ConnectError | undefined {
  const { stream } = response as { readonly stream?: ServerHttp2Stream };
  return refused.get(stream ?? response);
}

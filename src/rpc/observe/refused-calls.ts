import type { ServerResponse } from "node:http";
import type { ServerHttp2Stream } from "node:http2";
import type { ConnectError } from "@connectrpc/connect";

/** Calls that were refused past whoever waits for their request, by what their answer is written to: the
 *  stream of HTTP/2, the response of HTTP/1.1. */
const refused = new WeakMap<object, ConnectError>();

/** Notes why the call was refused, for those who only see it end. The first reason counts: what is left of
 *  a request may be found unreadable while its connection ends. */
export function noteRefusal(to: ServerHttp2Stream | ServerResponse, error: ConnectError): void {
  if (!refused.has(to)) refused.set(to, error);
}

export function refusalOfStream(stream: ServerHttp2Stream): ConnectError | undefined {
  return refused.get(stream);
}

/** `response`: of either HTTP. */
export function refusalOfResponse(response: ServerResponse): ConnectError | undefined {
  const { stream } = response as { readonly stream?: ServerHttp2Stream };
  return refused.get(stream ?? response);
}

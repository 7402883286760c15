import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { Code, ConnectError } from "@connectrpc/connect";
import type { Logger } from "pino";
import { refuseStream } from "./refuse-stream.ts";

const requestHeaderFieldsTooLarge = 431;
const maxShownPath = 200;

/** Refuses an HTTP/2 stream whose headers have more than `maxBytes`. */
export function headersRefusal(
  maxBytes: number,
  log: Logger,
): (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void {
  const error = new ConnectError(
    `the headers have more than ${maxBytes} bytes (MAX_HEADER_LIST_BYTES)`,
    Code.ResourceExhausted,
  );
  return (stream, headers) => {
    const rpc = headers[":path"]?.slice(0, maxShownPath);
    log.info({ rpc, reason: error.rawMessage }, "call refused");
    refuseStream(stream, headers, error, requestHeaderFieldsTooLarge);
  };
}

import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import type { ConnectError } from "@connectrpc/connect";
import { noteRefusal } from "../observe/refused-calls.ts";
import { refusalForm } from "./refusal-form.ts";

/** Refuses a call whose request does not arrive, without its handler: sends `error` in the form of the call if
 *  no response has begun, and closes the stream. `httpStatus`: for calls that are not gRPC, by default the
 *  status for `error`. */
export function refuseStream(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  error: ConnectError,
  httpStatus?: number,
): void {
  if (stream.closed || stream.destroyed) return;
  noteRefusal(stream, error);
  if (stream.headersSent) {
    stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    return;
  }
  const form = refusalForm({ path: headers[":path"] ?? "", headers }, error, httpStatus);
  stream.respond({ ":status": form.status, ...form.headers }, { endStream: form.body === "" });
  if (form.body !== "") stream.end(form.body);
  // RFC 9113, 8.1: the response is complete, and the rest of the request is not wanted.
  stream.close(constants.NGHTTP2_NO_ERROR);
}

import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import { Code, type ConnectError } from "@connectrpc/connect";
import { codeToString } from "@connectrpc/connect/protocol-connect";
import { encodeGrpcMessage } from "./grpc-message.ts";

const httpStatus: Partial<Record<Code, number>> = {
  [Code.DeadlineExceeded]: 408,
  [Code.ResourceExhausted]: 429,
};

/** Refuses a call whose request does not arrive, past whoever waits for it: answers with `error` in the
 *  form of the call if no answer has begun, and closes the stream. */
export function refuseStream(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  error: ConnectError,
): void {
  if (stream.closed || stream.destroyed) return;
  if (stream.headersSent) {
    stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    return;
  }
  const contentType = String(headers["content-type"] ?? "");
  if (contentType.startsWith("application/grpc")) {
    const status = {
      ":status": 200,
      "content-type": contentType,
      "grpc-status": String(error.code),
      "grpc-message": encodeGrpcMessage(error.rawMessage),
    };
    stream.respond(status, { endStream: true });
  } else {
    const isRest = /^\/v2(?:\/|$)/.test(headers[":path"] ?? "");
    const { rawMessage } = error;
    const body = isRest
      ? { error: rawMessage }
      : { code: codeToString(error.code), message: rawMessage };
    const status = { ":status": httpStatus[error.code] ?? 500, "content-type": "application/json" };
    stream.respond(status);
    stream.end(JSON.stringify(body));
  }
  // RFC 9113, 8.1: the answer is complete, and no more of the request is wanted.
  stream.close(constants.NGHTTP2_NO_ERROR);
}

import http, { type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import { Code, ConnectError } from "@connectrpc/connect";
import type { Logger } from "pino";
import { describeError } from "../../base/errors.ts";
import { codeOfStatus } from "../observe/observed-requests.ts";
import { noteRefusal } from "../observe/refused-calls.ts";
import type { CountedRequest } from "../port/counted-request.ts";
import { closeAfterRest, discardUnreadBody } from "../port/discard-body.ts";
import { http1Answer } from "../port/http1-answer.ts";
import { refusalForm } from "./wire-form.ts";

// Refusals that are written past Fastify: to a stream, to a request that is still arriving, to a bare socket.

const requestHeaderFieldsTooLarge = 431;
const maxShownPath = 200;

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

/** Like `refuseStream`, for an HTTP/1.1 request. Also closes its connection, which cannot continue in the
 *  middle of a body. */
export function refuseRequest(
  request: CountedRequest,
  response: ServerResponse,
  error: ConnectError,
): void {
  const { socket } = request;
  noteRefusal(response, error);
  // Without a socket of its own, the response queues behind another that is still to be sent.
  if (response.socket === null || response.headersSent || !socket.writable) {
    socket.destroy();
    return;
  }
  const form = refusalForm({ path: request.url ?? "", headers: request.headers }, error);
  socket.write(http1Answer(form.status, form));
  request.refuse(error);
  closeAfterRest(request);
}

/** HTTP/2 carries any word as a method, and Fastify treats an unknown one as its own bug, with a long log
 *  entry. (HTTP/1.1's parser refuses unknown methods.) */
export function refuseUnknownMethods(handler: RequestListener): RequestListener {
  const known = new Set(http.METHODS);
  return (request, response) => {
    if (known.has(request.method ?? "")) {
      handler(request, response);
      return;
    }
    discardUnreadBody(request, response);
    const body = Buffer.from(JSON.stringify({ error: "unknown HTTP method" }));
    response.writeHead(501, { "content-type": "application/json", "content-length": body.length });
    response.end(body);
  };
}

interface Unreadable {
  readonly status: number;
  readonly error: string;
}

const unreadable: Readonly<Record<string, Unreadable>> = {
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, error: "the request did not arrive in time" },
  HPE_HEADER_OVERFLOW: { status: 431, error: "path and headers are larger than 16 KiB" },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: { status: 413, error: "chunk extensions are larger than 16 KiB" },
};

/** The response to the last request on each HTTP/1.1 connection. */
const answers = new WeakMap<Socket, ServerResponse>();

/** Records which response may write to the connection. Call it for each request as it arrives. */
export function noteAnswer(request: IncomingMessage, response: ServerResponse): void {
  if (request.httpVersionMajor === 1) answers.set(request.socket, response);
}

/** Responds to data that is not HTTP/1.1, or does not end, and closes the connection. The kind of call is
 *  unknown, so all clients get the same form. */
export function answerUnreadable(
  error: Error & { readonly code?: string },
  socket: Socket,
  log: Logger,
): void {
  if (error.code === "ECONNRESET" || socket.destroyed) return;
  const refusal = unreadable[error.code ?? ""] ?? {
    status: 400,
    error: `this is not HTTP/1.1: ${describeError(error, 200).replace(/^Parse Error: /, "")}`,
  };
  log.info({ statusCode: refusal.status, reason: refusal.error }, "request not readable");
  const answer = answers.get(socket);
  if (answer === undefined || answer.writableFinished) {
    refuseRest(socket, refusal);
  } else if (answer.req.complete) {
    // The request after that one is unreadable: a refusal now would be taken for that one's response.
    answer.once("finish", () => refuseRest(socket, refusal));
  } else if (answer.headersSent) {
    socket.destroy();
  } else {
    const code = codeOfStatus(refusal.status) ?? Code.InvalidArgument;
    noteRefusal(answer, new ConnectError(refusal.error, code));
    refuseRest(socket, refusal);
  }
}

function refuseRest(socket: Socket, { status, error }: Unreadable): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  socket.write(http1Answer(status, { body: JSON.stringify({ error }) }));
  socket.destroySoon();
}

import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import { Code, ConnectError } from "@connectrpc/connect";
import { parseTimeout } from "@connectrpc/connect/protocol-grpc";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Logger } from "pino";
import { answerNoRpc } from "../failures/answer-failure.ts";
import { encodeGrpcMessage } from "../failures/error-codes.ts";
import { accountOf, callScope } from "../guard/call-memory.ts";
import { messageCounterOf, type RequestMessages } from "../guard/request-counter.ts";
import type { Peer } from "../port/peer.ts";
import { maxTimeoutMs } from "./inference-timeout.ts";

const acceptHeaders = ["accept-encoding", "grpc-accept-encoding", "connect-accept-encoding"];

/** Hooks for the scope with connect-fastify's routes, for what it does not handle. */
export function repairConnect(
  scope: FastifyInstance,
  parts: {
    readonly messages: RequestMessages;
    readonly peerOf: (request: FastifyRequest) => Peer | undefined;
    readonly log: Logger;
  },
): void {
  const { messages, peerOf, log } = parts;
  scope.addHook("onRequest", (request, reply, done) => {
    const peer = peerOf(request);
    if (!repairAuthority(request.raw, peer)) {
      const rpc = `${request.method} ${request.routeOptions.url ?? ""}`;
      log.info({ rpc, statusCode: 400, reason: "malformed host", peer }, "call failed");
      const error = new ConnectError("the request names a malformed host", Code.InvalidArgument);
      answerNoRpc(request, reply, error);
      return;
    }
    // Never compress a response: ModelMesh offers gzip, but reads only one byte of such a response. Without any
    // offer, Connect would respond in the request's compression.
    for (const name of acceptHeaders) request.raw.headers[name] = "identity";
    dropEndlessTimeout(request.raw);
    respellGrpcMessage(reply.raw);
    const { headers, url: path } = request.raw;
    const newCounter = messageCounterOf(messages, { path, headers });
    callScope.run({ account: accountOf(request.raw), newCounter }, done);
  });
}

/** connect-fastify makes a URL of the authority. If it cannot, it writes to the console and responds with 200
 *  and no body. Returns whether the authority is valid for that. */
function repairAuthority({ headers }: IncomingMessage, peer: Peer | undefined): boolean {
  const authority = headers[":authority"] ?? headers.host;
  if (authority !== undefined && URL.canParse(`http://${authority}`)) return true;
  // HTTP/1.0 has none. Clients of unix sockets may omit it, or send the socket's path.
  if (authority !== undefined && peer?.kind !== "unix") return false;
  if (headers[":authority"] !== undefined) headers[":authority"] = "localhost";
  headers.host = "localhost";
  return true;
}

/** Connect passes every timeout to a timer. A value that is too large for Node fires at once. */
function dropEndlessTimeout({ headers }: IncomingMessage): void {
  const connectMs = Number(headers["connect-timeout-ms"] ?? 0);
  if (connectMs > maxTimeoutMs) delete headers["connect-timeout-ms"];
  const grpc = headers["grpc-timeout"];
  if (grpc === undefined) return;
  const { timeoutMs = 0 } = parseTimeout(String(grpc), Number.MAX_SAFE_INTEGER);
  if (timeoutMs > maxTimeoutMs) delete headers["grpc-timeout"];
}

/** Makes `response` encode grpc-message as gRPC requires. Connect also encodes every comma, colon and space;
 *  grpc-js does not decode those, and they count against ModelMesh's limit of 8 KiB. */
function respellGrpcMessage(response: ServerResponse): void {
  const addTrailers = response.addTrailers;
  response.addTrailers = (trailers: OutgoingHttpHeaders) => {
    const message = trailers["grpc-message"];
    if (typeof message === "string") {
      trailers["grpc-message"] = encodeGrpcMessage(decodeURIComponent(message));
    }
    addTrailers.call(response, trailers);
  };
}

import type { IncomingMessage } from "node:http";
import { Code } from "@connectrpc/connect";
import { parseTimeout } from "@connectrpc/connect/protocol-grpc";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Logger } from "pino";
import { respellGrpcMessage } from "../failures/grpc-message.ts";
import { answerNoRpc } from "../failures/plain-http.ts";
import { accountOf, callScope } from "../guard/call-memory.ts";
import { messageCounterOf, type RequestMessages } from "../guard/request-counter.ts";
import type { Peer } from "../port/peer.ts";
import { maxTimeoutMs } from "./inference-timeout.ts";

const acceptHeaders = ["accept-encoding", "grpc-accept-encoding", "connect-accept-encoding"];

/** Hooks for the scope in which connect-fastify has its routes, for what it leaves open. */
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
      answerNoRpc(request, reply, {
        status: 400,
        code: "invalid_argument",
        grpcStatus: Code.InvalidArgument,
        message: "the request names a malformed host",
      });
      return;
    }
    // Never compress an answer: ModelMesh offers gzip, but reads one byte of what it gets. If the offer
    // were only left out, Connect would answer in the compression of the request.
    for (const name of acceptHeaders) request.raw.headers[name] = "identity";
    dropEndlessTimeout(request.raw);
    respellGrpcMessage(reply.raw);
    const { headers, url: path } = request.raw;
    const newCounter = messageCounterOf(messages, { path, headers });
    callScope.run({ account: accountOf(request.raw), newCounter }, done);
  });
}

/** connect-fastify makes a URL of the authority; where it cannot, it writes to the console and answers
 *  200 without a body. Returns whether the authority is fit for that. */
function repairAuthority({ headers }: IncomingMessage, peer: Peer | undefined): boolean {
  const authority = headers[":authority"] ?? headers.host;
  if (authority !== undefined && URL.canParse(`http://${authority}`)) return true;
  // HTTP/1.0 knows none. Clients of unix sockets may leave it out, or name the path of the socket.
  if (authority !== undefined && peer?.kind !== "unix") return false;
  if (headers[":authority"] !== undefined) headers[":authority"] = "localhost";
  headers.host = "localhost";
  return true;
}

/** Connect gives every timeout to a timer. One that Node cannot count fires at once. */
function dropEndlessTimeout({ headers }: IncomingMessage): void {
  const connectMs = Number(headers["connect-timeout-ms"] ?? 0);
  if (connectMs > maxTimeoutMs) delete headers["connect-timeout-ms"];
  const grpc = headers["grpc-timeout"];
  if (grpc === undefined) return;
  const { timeoutMs = 0 } = parseTimeout(String(grpc), Number.MAX_SAFE_INTEGER);
  if (timeoutMs > maxTimeoutMs) delete headers["grpc-timeout"];
}

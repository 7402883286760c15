import type { IncomingMessage } from "node:http";
import { parseTimeout } from "@connectrpc/connect/protocol-grpc";
import type { FastifyInstance } from "fastify";
import { accountOf, callScope } from "./call-memory.ts";
import { respellGrpcMessage } from "./grpc-message.ts";
import { messageCounterOf, type RequestMessages } from "./guard/request-counter.ts";
import { maxTimeoutMs } from "./inference-timeout.ts";

const acceptHeaders = ["accept-encoding", "grpc-accept-encoding", "connect-accept-encoding"];

/** Hooks for the scope in which connect-fastify has its routes, for what it leaves open. */
export function repairConnect(scope: FastifyInstance, messages: RequestMessages): void {
  scope.addHook("onRequest", (request, reply, done) => {
    if (!repairAuthority(request.raw)) {
      void reply
        .code(400)
        .send({ code: "invalid_argument", message: "the request names a malformed host" });
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
function repairAuthority({ headers }: IncomingMessage): boolean {
  const authority = headers[":authority"] ?? headers.host;
  // HTTP/1.0 knows none, and clients of unix sockets may leave it out.
  if (authority === undefined) headers.host = "localhost";
  return authority === undefined || URL.canParse(`http://${authority}`);
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

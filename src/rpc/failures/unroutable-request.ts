import http, { type RequestListener } from "node:http";
import { Code } from "@connectrpc/connect";
import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import type { Logger } from "pino";
import { discardUnreadBody } from "../port/discard-body.ts";
import { answerNoRpc } from "./plain-http.ts";
import { answerFailure, HttpRefusal, pathOf } from "./rest-failure.ts";

/** Responds to a request whose path Fastify cannot parse: one with an invalid escape, or with a name that is
 *  too long. No hook has seen it. */
export function answerUnroutable(
  error: FastifyError,
  { request, reply, log }: { request: FastifyRequest; reply: FastifyReply; log: Logger },
): void {
  discardUnreadBody(request.raw, reply.raw);
  const path = pathOf(request);
  const refusal =
    error.code === "FST_ERR_MAX_PARAM_LENGTH"
      ? new HttpRefusal(414, `the name in ${path} is too long`)
      : new HttpRefusal(400, `${path} is not percent-encoded UTF-8`);
  if (/^\/v2(?:\/|$)/.test(path ?? "")) {
    answerFailure(refusal, { request, reply, log });
    return;
  }
  const { statusCode: status, message } = refusal;
  log.info({ rpc: request.method, statusCode: status, reason: message }, "call failed");
  const code = "invalid_argument";
  answerNoRpc(request, reply, { status, code, grpcStatus: Code.InvalidArgument, message });
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

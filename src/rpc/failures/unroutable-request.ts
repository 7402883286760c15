import http, { type RequestListener } from "node:http";
import { Code } from "@connectrpc/connect";
import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import type { Logger } from "pino";
import { discardUnreadBody } from "../port/discard-body.ts";
import { answerNoRpc } from "./plain-http.ts";
import { answerFailure, HttpRefusal, pathOf } from "./rest-failure.ts";

/** Answers a request whose path Fastify cannot take apart: one with an escape that is none, or with a
 *  name that is too long. No hook has seen it. */
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

/** HTTP/2 carries any word for a method, and Fastify takes one that it has never heard of for a bug of
 *  its own, which it writes to the log at length. (HTTP/1.1 refuses them as it reads.) */
export function refuseUnknownMethods(handler: RequestListener): RequestListener {
  const known = new Set(http.METHODS);
  return (request, response) => {
    if (known.has(request.method ?? "")) {
      handler(request, response);
      return;
    }
    discardUnreadBody(request, response);
    const body = Buffer.from(JSON.stringify({ error: "there is no such method" }));
    response.writeHead(501, { "content-type": "application/json", "content-length": body.length });
    response.end(body);
  };
}

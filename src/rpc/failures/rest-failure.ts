import { Code } from "@connectrpc/connect";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Logger } from "pino";
import { describeError } from "../../base/errors.ts";
import { callFacts } from "../observe/call-facts.ts";
import { NodeHeaders } from "../observe/header-reader.ts";
import { observedRequest } from "../observe/observed-requests.ts";
import { challenge, toConnectError, toHttpStatus } from "./error-codes.ts";
import { logFailure } from "./log-failure.ts";

/** A refusal for HTTP's own reasons, which other wire formats cannot express. */
export class HttpRefusal extends Error {
  readonly statusCode: number;

  constructor(statusCode: 400 | 404 | 405 | 413 | 414 | 415, message: string) {
    super(message);
    this.name = "HttpRefusal";
    this.statusCode = statusCode;
  }
}

/** Sends any failure as {"error": "…"}, and logs one line with `facts`. */
export function answerFailure(
  reason: unknown,
  call: {
    readonly request: FastifyRequest;
    readonly reply: FastifyReply;
    readonly log: Logger;
    readonly facts?: object;
  },
): FastifyReply {
  const { request, reply, log } = call;
  const rpc = `${request.method} ${request.routeOptions.url ?? "/v2/*"}`;
  const facts = {
    modelId: modelIdIn(request.params),
    durationMs: Math.round(reply.elapsedTime),
    ...callFacts({
      observed: observedRequest(request.raw)?.call,
      header: new NodeHeaders(request.headers),
    }),
    ...call.facts,
  };
  if (isRefusal(reason)) {
    const { statusCode } = reason;
    const message = describeError(reason);
    log.info({ rpc, statusCode, reason: message, ...facts }, "call failed");
    return sendError(reply, statusCode, message);
  }
  const error = toConnectError(reason);
  observedRequest(request.raw)?.fail(error.code);
  logFailure(log, rpc, error, facts);
  if (error.code === Code.Unauthenticated) reply.headers(challenge);
  return sendError(reply, toHttpStatus(error.code), error.rawMessage);
}

/** The request's path for messages, shortened: clients can send paths of any length. */
export function pathOf(request: FastifyRequest): string | undefined {
  return request.url.split("?", 1)[0]?.slice(0, 200);
}

// Python's kserve client reads an error only if the content type is exactly this. Fastify adds a charset to
// objects that it serializes, but leaves bytes alone.
function sendError(reply: FastifyReply, status: number, error: string): FastifyReply {
  const body = Buffer.from(JSON.stringify({ error }));
  return reply.code(status).header("content-type", "application/json").send(body);
}

// Fastify's own refusals, such as a malformed content type, carry a status too.
function isRefusal(reason: unknown): reason is Error & { readonly statusCode: number } {
  return (
    reason instanceof Error &&
    "statusCode" in reason &&
    typeof reason.statusCode === "number" &&
    reason.statusCode >= 400 &&
    reason.statusCode < 500
  );
}

function modelIdIn(params: unknown): string | undefined {
  if (typeof params !== "object" || params === null || !("model" in params)) return undefined;
  return String(params.model);
}

import type { FastifyReply, FastifyRequest } from "fastify";
import type { Logger } from "pino";
import { describeError } from "../errors.ts";
import { toConnectError, toHttpStatus } from "./error-codes.ts";
import { logFailure } from "./interceptors.ts";

/** A refusal for reasons of HTTP's own, for which other wire formats have no words. */
export class HttpRefusal extends Error {
  readonly statusCode: number;

  constructor(statusCode: 404 | 405 | 413 | 415, message: string) {
    super(message);
    this.name = "HttpRefusal";
    this.statusCode = statusCode;
  }
}

/** Sends any failure as {"error": "…"}, and writes one line to the log. */
export function answerFailure(
  reason: unknown,
  { request, reply, log }: { request: FastifyRequest; reply: FastifyReply; log: Logger },
): FastifyReply {
  const rpc = `${request.method} ${request.routeOptions.url ?? "/v2/*"}`;
  const facts = {
    modelId: modelIdIn(request.params),
    durationMs: Math.round(reply.elapsedTime),
  };
  if (isRefusal(reason)) {
    const { statusCode } = reason;
    const message = describeError(reason);
    log.info({ rpc, statusCode, reason: message, ...facts }, "call failed");
    return sendJson(reply.code(statusCode), { error: message });
  }
  const error = toConnectError(reason);
  logFailure(log, rpc, error, facts);
  return sendJson(reply.code(toHttpStatus(error.code)), { error: error.rawMessage });
}

/** Python's kserve client reads an error only if its content type is this to the letter. Fastify adds a
 *  charset to what it makes JSON of, but leaves bytes alone. */
export function sendJson(reply: FastifyReply, value: unknown): FastifyReply {
  return reply.header("content-type", "application/json").send(Buffer.from(JSON.stringify(value)));
}

// Fastify's own refusals, of a malformed content type for example, carry a status too.
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

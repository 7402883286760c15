import { Code, ConnectError } from "@connectrpc/connect";
import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import type { Logger } from "pino";
import { describeError } from "../../base/errors.ts";
import { callFacts } from "../observe/call-facts.ts";
import { NodeHeaders } from "../observe/header-reader.ts";
import { observedRequest } from "../observe/observed-requests.ts";
import { discardUnreadBody } from "../port/discard-body.ts";
import { challenge, toConnectError, toHttpStatus } from "./error-codes.ts";
import { codeOfRefusal, type ErrorForm, plainForm, type RestFailure } from "./error-form.ts";
import { logFailure } from "./log-failure.ts";
import { refusalForm } from "./wire-form.ts";

/** A refusal for HTTP's own reasons, which other wire formats cannot express. */
export class HttpRefusal extends Error {
  readonly statusCode: number;

  constructor(statusCode: 400 | 404 | 405 | 406 | 413 | 414 | 415 | 422 | 501, message: string) {
    super(message);
    this.name = "HttpRefusal";
    this.statusCode = statusCode;
  }
}

/** Sends any failure in the form of the call's protocol, which is {"error": "…"} by default, and logs one line with
 *  `facts`. */
export function answerFailure(
  reason: unknown,
  call: {
    readonly request: FastifyRequest;
    readonly reply: FastifyReply;
    readonly log: Logger;
    readonly facts?: object;
    readonly form?: ErrorForm | undefined;
  },
): FastifyReply {
  const { request, reply, log, form = plainForm } = call;
  const rpc = `${request.method} ${request.routeOptions.url ?? "/v2/*"}`;
  const ids = callFacts({
    observed: observedRequest(request.raw)?.call,
    header: new NodeHeaders(request.headers),
  });
  const facts = {
    modelId: modelIdIn(request.params),
    durationMs: Math.round(reply.elapsedTime),
    ...ids,
    ...call.facts,
  };
  const send = (failure: Omit<RestFailure, "requestId" | "reason">) =>
    sendError(reply, failure.status, form({ ...failure, requestId: ids?.requestId, reason }));
  if (isRefusal(reason)) {
    const { statusCode } = reason;
    const message = describeError(reason);
    log.info({ rpc, statusCode, reason: message, ...facts }, "call failed");
    return send({ status: statusCode, message, code: codeOfRefusal(statusCode) });
  }
  const error = toConnectError(reason);
  observedRequest(request.raw)?.fail(error.code);
  logFailure(log, rpc, error, facts);
  if (error.code === Code.Unauthenticated) reply.headers(challenge);
  const { code, rawMessage: message } = error;
  return send({ status: toHttpStatus(code), message, code });
}

/** Refuses a request that reaches no RPC, in its client's form. `status`: of REST and Connect, by default the
 *  status for `error`. */
export function answerNoRpc(
  request: FastifyRequest,
  reply: FastifyReply,
  error: ConnectError,
  status = toHttpStatus(error.code),
): FastifyReply {
  const { url: path, headers } = request;
  const form = refusalForm({ path, headers }, error, status);
  if (form.body === "") {
    observedRequest(request.raw)?.fail(error.code);
    return sendTrailersOnly(reply, form.headers);
  }
  return reply.code(form.status).headers(form.headers).send(Buffer.from(form.body));
}

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
  if (/^\/v[12](?:\/|$)/.test(path ?? "")) {
    answerFailure(refusal, { request, reply, log });
    return;
  }
  const { statusCode, message } = refusal;
  log.info({ rpc: request.method, statusCode, reason: message }, "call failed");
  answerNoRpc(request, reply, new ConnectError(message, Code.InvalidArgument), statusCode);
}

/** The request's path for messages, shortened: clients can send paths of any length. */
export function pathOf(request: FastifyRequest): string | undefined {
  return request.url.split("?", 1)[0]?.slice(0, 200);
}

// Python's kserve client reads an error only if the content type is exactly this. Fastify adds a charset to
// objects that it serializes, but leaves bytes alone.
function sendError(reply: FastifyReply, status: number, failure: object): FastifyReply {
  const body = Buffer.from(JSON.stringify(failure));
  return reply.code(status).header("content-type", "application/json").send(body);
}

// Fastify's own refusals, such as a malformed content type, carry a status too.
function isRefusal(reason: unknown): reason is Error & { readonly statusCode: number } {
  if (reason instanceof HttpRefusal) return true;
  return (
    reason instanceof Error &&
    "statusCode" in reason &&
    typeof reason.statusCode === "number" &&
    (reason instanceof HttpRefusal || (reason.statusCode >= 400 && reason.statusCode < 500))
  );
}

function modelIdIn(params: unknown): string | undefined {
  if (typeof params !== "object" || params === null || !("model" in params)) return undefined;
  return String(params.model);
}

/** gRPC's Trailers-Only: over HTTP/2 one block of headers that ends the stream. Fastify writes the headers
 *  before it knows that the body is empty. An empty DATA frame would follow, and clients would treat that as a
 *  response that lost its trailers. */
function sendTrailersOnly(
  reply: FastifyReply,
  headers: Readonly<Record<string, string>>,
): FastifyReply {
  const { raw } = reply;
  // Headers set by hooks, such as the permission for a page to read this.
  const all = { ...reply.getHeaders(), ...headers };
  reply.hijack();
  raw.statusCode = 200;
  for (const [name, value] of Object.entries(all))
    if (value !== undefined) raw.setHeader(name, value);
  raw.end();
  return reply;
}

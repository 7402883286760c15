import type { IncomingMessage } from "node:http";
import type { Readable } from "node:stream";
import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from "fastify";
import type { Logger } from "pino";
import { abortable } from "../../base/abort.ts";
import { RuntimeError } from "../../base/errors.ts";
import type { Right } from "../../config/access-settings.ts";
import { answerFailure, HttpRefusal, pathOf } from "../failures/answer-failure.ts";
import type { ErrorForm } from "../failures/error-form.ts";
import type { Access, Client } from "../guard/access.ts";
import { observedRequest } from "../observe/observed-requests.ts";
import { callSignal } from "./call-signal.ts";

/** What all REST routes share. */
export interface RestParts {
  readonly log: Logger;
  readonly access: Access;
  readonly clientOf: (request: FastifyRequest) => Client;
  /** Aborts calls in flight when the server stops. */
  readonly shutdownSignal: AbortSignal;
  /** Of their errors; {"error": "…"} if absent. */
  readonly form?: ErrorForm;
}

export interface RestCall {
  /** With its body unread. */
  readonly request: IncomingMessage;
  /** Names in the path, decoded; empty if the path has none. */
  readonly model: string;
  readonly version: string;
  /** Aborts when the client goes away and when the server stops. */
  readonly signal: AbortSignal;
}

export interface RestReply {
  /** 200 if absent. */
  readonly status?: number;
  readonly headers: Readonly<Record<string, string | number>>;
  readonly body: Buffer | Readable;
}

type RestMethod = "GET" | "POST" | "PUT";

export interface RestRoute {
  readonly methods: readonly RestMethod[];
  /** Below the prefix of the scope. */
  readonly paths: readonly string[];
  /** The right it requires; "inference" if absent. */
  readonly right?: Right;
  /** Of its errors; that of all routes if absent. */
  readonly form?: ErrorForm;
  /** Anything it throws is answered in that form. */
  answer(call: RestCall): RestReply | Promise<RestReply>;
}

export function jsonReply(value: unknown, status = 200): RestReply {
  const body = Buffer.from(JSON.stringify(value));
  return { status, headers: { "content-type": "application/json" }, body };
}

/** Makes `scope` a REST scope: routes read their bodies themselves, and every failure, including an unknown
 *  path, is answered in `form`, by default as {"error": "…"}. */
export function restScope(scope: FastifyInstance, log: Logger, form?: ErrorForm): void {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser("*", (_request, _payload, parsed) => parsed(null));
  const fail = failing(log, form);
  scope.setErrorHandler(fail);
  scope.setNotFoundHandler((request, reply) => {
    return fail(new HttpRefusal(404, `there is nothing at ${pathOf(request)}`), request, reply);
  });
}

function failing(log: Logger, form: ErrorForm | undefined) {
  return (reason: unknown, request: FastifyRequest, reply: FastifyReply) =>
    answerFailure(reason, { request, reply, log, form });
}

/** Adds `route` to a REST scope. */
export function addRestRoute(scope: FastifyInstance, route: RestRoute, parts: RestParts): void {
  const form = route.form ?? parts.form;
  const errorHandler = failing(parts.log, form);
  for (const url of route.paths) {
    scope.route({
      method: [...route.methods],
      url,
      errorHandler,
      // Before the body is read.
      onRequest: async (request, reply) => {
        const what = `${request.method} ${scope.prefix}${url}`;
        const right = route.right ?? "inference";
        return passGate({ request, reply, right, what, form }, parts);
      },
      handler: async (request, reply) => {
        const { model, version = "" } = request.params as Partial<RestCall>;
        // As in /v2/models//infer.
        if (model === "") throw new RuntimeError("invalid-argument", "the path names no model");
        const signal = callSignal(reply.raw, parts.shutdownSignal);
        const call = { request: request.raw, model: model ?? "", version, signal };
        const observed = observedRequest(request.raw)?.call;
        const answering = async () =>
          observed?.run === undefined ? route.answer(call) : observed.run(() => route.answer(call));
        // Raced, so that work that cannot be stopped does not delay a server that stops.
        const { status = 200, headers, body } = await abortable(answering(), signal);
        return reply.code(status).headers(headers).send(body);
      },
    });
    refuseOtherMethods(scope, { url, methods: route.methods, errorHandler });
  }
}

interface RefusedMethods {
  readonly url: string;
  /** The methods that are not refused. */
  readonly methods: readonly RestMethod[];
  readonly errorHandler?: ReturnType<typeof failing>;
}

/** Answers all methods but `methods` (and HEAD with GET) with 405 at `url`, before the body is read. `errorHandler`: that
 *  of the scope if absent. */
export function refuseOtherMethods(
  scope: FastifyInstance,
  { url, methods, errorHandler }: RefusedMethods,
): void {
  const allowed = methods.flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method]));
  const others = scope.supportedMethods.filter((method) => !allowed.includes(method));
  const refuse = async (request: FastifyRequest, reply: FastifyReply): Promise<never> => {
    reply.header("allow", allowed.join(", "));
    throw new HttpRefusal(405, `${request.method} is not allowed for this path: use ${methods[0]}`);
  };
  scope.route({
    method: others as HTTPMethods[],
    url,
    onRequest: refuse,
    handler: refuse,
    ...(errorHandler && { errorHandler }),
  });
}

/** Answers a client that lacks this right. Undefined: it has it. `what` starts the message. */
export function passGate(
  call: {
    readonly request: FastifyRequest;
    readonly reply: FastifyReply;
    readonly right: Right;
    readonly what: string;
    readonly form?: ErrorForm | undefined;
  },
  { log, access, clientOf }: Pick<RestParts, "log" | "access" | "clientOf">,
): FastifyReply | undefined {
  const { request, reply, right, what, form } = call;
  const client = clientOf(request);
  try {
    access.check(right, client, what);
    return undefined;
  } catch (reason) {
    return answerFailure(reason, { request, reply, log, form, facts: { peer: client.peer } });
  }
}

import { Code, ConnectError, cors as connectCors } from "@connectrpc/connect";
import cors, { type FastifyCorsOptionsDelegateCallback } from "@fastify/cors";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Logger } from "pino";
import { RuntimeError } from "../../base/errors.ts";
import { answerFailure, answerNoRpc, pathOf } from "../failures/answer-failure.ts";
import { logFailure } from "../failures/log-failure.ts";
import { discardUnreadBody } from "../port/discard-body.ts";
import type { Peer } from "../port/peer.ts";
import { type BrowserRules, refusalOf } from "./browser-rules.ts";

/** How long browsers may cache a preflight; Chromium's maximum. */
const preflightSeconds = 7200;

// What our own wire formats need besides Connect's.
const ownHeaders = [
  "authorization",
  "mm-model-id",
  "mm-model-id-bin",
  "inference-header-content-length",
  "x-request-id",
  "traceparent",
  "tracestate",
];

/** Refuses what pages may not send (see refusalOf), on every path of `app` and before any body is read, and
 *  answers browsers that ask on behalf of pages of `allowedOrigins` (CORS). */
export async function browserGate(
  app: FastifyInstance,
  parts: {
    readonly rules: BrowserRules;
    readonly peerOf: (request: FastifyRequest) => Peer | undefined;
    readonly log: Logger;
  },
): Promise<void> {
  const { rules, peerOf, log } = parts;
  app.addHook("onRequest", (request, reply, done) => {
    const refusal = refusalOf(marksOf(request), rules);
    if (refusal === undefined) {
      done();
      return;
    }
    const facts = { peer: peerOf(request), origin: request.headers.origin ?? null };
    discardUnreadBody(request.raw, reply.raw);
    answerRefusal(refusal, { request, reply, log, facts });
  });
  if (rules.allowedOrigins.size > 0) {
    await app.register(cors, { delegator: crossOrigin(rules) });
  }
}

/** Only preflights of allowed pages are answered here: OPTIONS of other clients is an ordinary method. */
function crossOrigin({ allowedOrigins }: BrowserRules): FastifyCorsOptionsDelegateCallback {
  const shared = {
    methods: [...connectCors.allowedMethods],
    allowedHeaders: [...connectCors.allowedHeaders, ...ownHeaders],
    exposedHeaders: [...connectCors.exposedHeaders, ...ownHeaders],
    maxAge: preflightSeconds,
  };
  return ({ headers: { origin } }, done) => {
    done(null, { ...shared, origin: origin !== undefined && allowedOrigins.has(origin) && origin });
  };
}

function marksOf({ headers, method }: FastifyRequest) {
  return {
    method,
    authority: headers[":authority"]?.toString() ?? headers.host,
    origin: headers.origin,
    fetchSite: headers["sec-fetch-site"]?.toString(),
    fetchMode: headers["sec-fetch-mode"]?.toString(),
    userAgent: headers["user-agent"],
  };
}

function answerRefusal(
  message: string,
  call: {
    readonly request: FastifyRequest;
    readonly reply: FastifyReply;
    readonly log: Logger;
    readonly facts: object;
  },
): void {
  const { request, reply, log, facts } = call;
  const reason = new RuntimeError("permission-denied", message);
  if (/^\/v[12](?:\/|$)/.test(pathOf(request) ?? "")) {
    answerFailure(reason, call);
    return;
  }
  const error = new ConnectError(message, Code.PermissionDenied, undefined, undefined, reason);
  logFailure(log, `${request.method} ${pathOf(request)}`, error, facts);
  answerNoRpc(request, reply, error);
}

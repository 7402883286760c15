import { Code, ConnectError } from "@connectrpc/connect";
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from "fastify";
import type { Logger } from "pino";
import { answerNoRpc, answerUnroutable, pathOf } from "./failures/answer-failure.ts";
import { answerUnreadable, noteAnswer, refuseUnknownMethods } from "./failures/refuse-call.ts";
import { wireOf } from "./failures/wire-form.ts";
import type { ObservedRequests } from "./observe/observed-requests.ts";
import { discardUnreadBody } from "./port/discard-body.ts";
import type { Endpoint } from "./port/endpoint.ts";
import { namesOneHost } from "./port/one-host.ts";
import { whyNoMethod } from "./triton/refused-extensions.ts";

// More than Node allows in a request line.
const maxPathLetters = 16 * 1024;

/** The Fastify instance that receives every request of the port but those on the fast path, with what applies to
 *  all of them. `observed` is told of each. */
export function webApp(
  port: Endpoint,
  { observed, log }: { readonly observed: ObservedRequests | undefined; readonly log: Logger },
): FastifyInstance {
  const app: FastifyInstance = Fastify({
    serverFactory: (handler) => port.attach(refuseUnknownMethods(handler)),
    frameworkErrors: (error, request, reply) => {
      observed?.begin(request, reply);
      answerUnroutable(error, { request, reply, log });
    },
    clientErrorHandler: (error, socket) => answerUnreadable(error, socket, log),
    loggerInstance: log as FastifyBaseLogger,
    // REST paths hold model ids, which have no length limit of their own.
    routerOptions: { maxParamLength: maxPathLetters },
    logController: new LogController({ disableRequestLogging: true }),
  });
  observed?.listen(app);
  plainHttp(app);
  return app;
}

function plainHttp(app: FastifyInstance): void {
  // No route here reads a body, and an unknown path must not become 415 because of one.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", (_request, _payload, done) => done(null));
  app.addHook("onRequest", (request, reply, done) => {
    noteAnswer(request.raw, reply.raw);
    discardUnreadBody(request.raw, reply.raw);
    if (namesOneHost(request.raw)) done();
    else {
      const message = "the request has several Host headers, expected one";
      answerNoRpc(request, reply, new ConnectError(message, Code.InvalidArgument));
    }
  });
  app.setNotFoundHandler((request, reply) => {
    const isRest = wireOf(request.url, request.headers) === "rest";
    const what = isRest ? "there is nothing at" : "there is no method";
    const why = whyNoMethod(pathOf(request));
    const message = why ?? `${what} ${pathOf(request)}`;
    return answerNoRpc(request, reply, new ConnectError(message, Code.Unimplemented), 404);
  });
}

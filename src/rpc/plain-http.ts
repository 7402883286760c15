import { Code, ConnectError } from "@connectrpc/connect";
import type { FastifyInstance } from "fastify";
import { answerNoRpc, pathOf } from "./failures/answer-failure.ts";
import { noteAnswer } from "./failures/refuse-call.ts";
import { wireOf } from "./failures/wire-form.ts";
import { discardUnreadBody } from "./port/discard-body.ts";
import { namesOneHost } from "./port/one-host.ts";

/** What applies to every request on the port, and the response for paths that do not exist. */
export function plainHttp(app: FastifyInstance): void {
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
    const message = `${what} ${pathOf(request)}`;
    return answerNoRpc(request, reply, new ConnectError(message, Code.Unimplemented), 404);
  });
}

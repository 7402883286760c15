import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { discardUnreadBody } from "./discard-body.ts";
import { encodeGrpcMessage } from "./grpc-message.ts";
import { observedRequest } from "./observed-requests.ts";
import { noteAnswer } from "./unreadable-request.ts";

/** What holds for every request of the port, and its answer where there is nothing at a path. */
export function plainHttp(app: FastifyInstance): void {
  // No route here reads a body, and an unknown path must not become 415 because of one.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", (_request, _payload, done) => done(null));
  app.addHook("onRequest", (request, reply, done) => {
    noteAnswer(request.raw, reply.raw);
    discardUnreadBody(request.raw, reply.raw);
    done();
  });
  app.setNotFoundHandler((request, reply) =>
    // The path is as long as the caller likes, headers are not.
    answerNoRpc(request, reply, {
      status: 404,
      code: "unimplemented",
      message: `there is no method ${request.url.split("?", 1)[0]?.slice(0, 200)}`,
    }),
  );
}

/** What the port says of itself to whom is no browser. */
export function aboutServer(version: string): object {
  return {
    name: "modelport",
    version,
    about: "A model runtime: gRPC, gRPC-Web and Connect on this one port.",
    try: [
      "GET / in a browser for a dashboard of what is loaded",
      "GET /v2/docs for a page that shows and calls everything that is loaded",
      "POST /inference.GRPCInferenceService/ServerReady with Content-Type: application/json and body {}",
      'POST /inference.GRPCInferenceService/ModelMetadata with Content-Type: application/json and body {"name": "<model id>"}',
      "POST /mmesh.ModelRuntime/runtimeStatus (it unloads what loadModel loaded) with body {}",
    ],
  };
}

/** Refuses what reaches no RPC, in the form that its client knows. gRPC's understand a status only in
 *  trailers, which may come as headers; it is UNIMPLEMENTED unless `grpcStatus` says otherwise. */
export function answerNoRpc(
  request: FastifyRequest,
  reply: FastifyReply,
  refusal: {
    readonly status: number;
    readonly code: string;
    readonly message: string;
    readonly grpcStatus?: number;
  },
): FastifyReply {
  const { status, code, message, grpcStatus = 12 } = refusal;
  const contentType = request.headers["content-type"] ?? "";
  if (contentType.startsWith("application/grpc")) {
    observedRequest(request.raw)?.fail(grpcStatus);
    return reply
      .code(200)
      .header("content-type", contentType)
      .header("grpc-status", `${grpcStatus}`)
      .header("grpc-message", encodeGrpcMessage(message))
      .send();
  }
  return reply.code(status).send({ code, message });
}

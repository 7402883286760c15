import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { observedRequest } from "../observe/observed-requests.ts";
import { discardUnreadBody } from "../port/discard-body.ts";
import { namesOneHost } from "../port/one-host.ts";
import { callForm } from "./call-form.ts";
import { encodeGrpcMessage } from "./grpc-message.ts";
import { noteAnswer } from "./unreadable-request.ts";

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
      answerNoRpc(request, reply, { status: 400, code: "invalid_argument", message });
    }
  });
  app.setNotFoundHandler((request, reply) => {
    // Paths can be arbitrarily long, headers cannot.
    const form = callForm(request.url, request.headers);
    const what = form === "rest" ? "there is nothing at" : "there is no method";
    return answerNoRpc(request, reply, {
      status: 404,
      code: "unimplemented",
      message: `${what} ${request.url.split("?", 1)[0]?.slice(0, 200)}`,
    });
  });
}

/** The port's description for clients that are not browsers. */
export function aboutServer(version: string): object {
  return {
    name: "modelport",
    version,
    about: "A model runtime: gRPC, gRPC-Web and Connect on this one port.",
    try: [
      "GET / in a browser for a dashboard of the loaded models",
      "GET /v2/docs for a page to read and try the API of the loaded models",
      "POST /inference.GRPCInferenceService/ServerReady with Content-Type: application/json and body {}",
      'POST /inference.GRPCInferenceService/ModelMetadata with Content-Type: application/json and body {"name": "<model id>"}',
      "POST /mmesh.ModelRuntime/runtimeStatus (it unloads what loadModel loaded) with body {}",
    ],
  };
}

/** Refuses a request that reaches no RPC, in its client's form. gRPC clients understand a status only in
 *  trailers, which may be sent as headers; it is UNIMPLEMENTED unless `grpcStatus` is given. */
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
  const form = callForm(request.url, request.headers);
  if (form === "grpc") {
    observedRequest(request.raw)?.fail(grpcStatus);
    return sendTrailersOnly(reply, {
      "content-type": request.headers["content-type"] ?? "",
      "grpc-status": `${grpcStatus}`,
      "grpc-message": encodeGrpcMessage(message),
    });
  }
  const body = Buffer.from(
    JSON.stringify(form === "rest" ? { error: message } : { code, message }),
  );
  return reply.code(status).header("content-type", "application/json").send(body);
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

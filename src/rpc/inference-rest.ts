import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from "fastify";
import type { Logger } from "pino";
import { abortable } from "../abort.ts";
import { RuntimeError } from "../errors.ts";
import type { Models } from "../service/models.ts";
import { inferenceExtensions } from "./inference.ts";
import { signalWithTimeout } from "./inference-timeout.ts";
import { readBody } from "./rest-body.ts";
import { callSignal } from "./rest-call.ts";
import { answerFailure, HttpRefusal, sendJson } from "./rest-failure.ts";
import { wantsReadyOnly } from "./rest-index.ts";
import { decodeRestInference } from "./rest-request.ts";
import { encodeRestInference } from "./rest-response.ts";
import { toIndexJson, toMetadataJson, toStatisticsJson } from "./rest-views.ts";

export interface InferenceRestParts {
  readonly models: Models;
  /** The version of this program. */
  readonly version: string;
  readonly log: Logger;
  /** Limit for one body, before and after decompression. */
  readonly readMaxBytes: number;
  /** Throws "permission-denied" unless whoever sent this may load and unload models; `what` starts the
   *  message. Runs before the body is read. */
  readonly gate: (request: FastifyRequest, what: string) => void;
  /** Aborts what is in flight when the server stops. */
  readonly shutdownSignal: AbortSignal;
}

interface Route {
  readonly methods: readonly ("GET" | "POST")[];
  readonly paths: readonly string[];
  /** Only for those who may load and unload models. */
  readonly gated?: true;
  /** Resolves with the JSON of the answer, or with the reply if it is sent already. */
  answer(request: FastifyRequest, reply: FastifyReply): unknown;
}

/** The Open Inference Protocol version 2 over plain HTTP: /v2 and all below it, in a scope of its own. The
 *  longest name of a model is what the routerOptions.maxParamLength of `app` allows. */
export function inferenceRest(app: FastifyInstance, parts: InferenceRestParts): void {
  void app.register(
    (scope, _options, done) => {
      const { log } = parts;
      // Bodies are read where they are wanted, by readBody.
      scope.removeAllContentTypeParsers();
      scope.addContentTypeParser("*", (_request, _payload, parsed) => parsed(null));
      scope.setErrorHandler((reason, request, reply) =>
        answerFailure(reason, { request, reply, log }),
      );
      scope.setNotFoundHandler((request, reply) => {
        const path = request.url.split("?", 1)[0]?.slice(0, 200);
        const reason = new HttpRefusal(404, `there is nothing at ${path}`);
        return answerFailure(reason, { request, reply, log });
      });
      for (const route of routes(parts)) addRoute(scope, route, parts);
      done();
    },
    { prefix: "/v2" },
  );
}

function addRoute(scope: FastifyInstance, route: Route, { gate }: InferenceRestParts): void {
  const allowed = route.methods.flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : method));
  const others = scope.supportedMethods.filter((method) => !allowed.includes(method));
  for (const url of route.paths) {
    scope.route({
      method: [...route.methods],
      url,
      onRequest: async (request) => {
        if (route.gated) gate(request, `${request.method} /v2${url}`);
      },
      handler: async (request, reply) => {
        const answer = await route.answer(request, reply);
        return answer === reply ? reply : sendJson(reply, answer);
      },
    });
    const refuse = async (request: FastifyRequest, reply: FastifyReply): Promise<never> => {
      reply.header("allow", allowed.join(", "));
      throw new HttpRefusal(405, `${request.method} is not for this path, use ${allowed[0]}`);
    };
    // Refused before Fastify looks at the body.
    scope.route({ method: others as HTTPMethods[], url, onRequest: refuse, handler: refuse });
  }
}

function routes(parts: InferenceRestParts): Route[] {
  const { models, version } = parts;
  return [
    {
      methods: ["GET"],
      paths: ["/"],
      answer: () => ({
        name: "modelport",
        version,
        extensions: inferenceExtensions,
      }),
    },
    { methods: ["GET"], paths: ["/health/live"], answer: () => ({ live: true }) },
    {
      methods: ["GET"],
      paths: ["/health/ready"],
      // The protocol says "live" here and KServe "ready": clients find what they look for.
      answer: (_request, reply) => {
        if (models.ready) return { ready: true, live: true };
        return sendJson(reply.code(503), { error: "not ready yet", ready: false, live: true });
      },
    },
    {
      methods: ["GET"],
      paths: ["/models"],
      answer: async () => {
        const entries = await models.index();
        return { models: [...new Set(entries.map(({ name }) => name))] };
      },
    },
    {
      methods: ["GET"],
      paths: ["/models/stats"],
      answer: () => toStatisticsJson(models.statistics()),
    },
    {
      methods: ["GET"],
      paths: forModel(""),
      answer: (request) => {
        const { model, version } = modelIn(request);
        return toMetadataJson(model, models.describe(model, version));
      },
    },
    {
      methods: ["GET"],
      paths: forModel("/ready"),
      answer: (request) => {
        const { model, version } = modelIn(request);
        if (models.isModelReady(model, version)) return { name: model, ready: true };
        // Says why, in most cases.
        models.describe(model, version);
        throw new RuntimeError("model-not-ready", `model '${model}' is not ready`);
      },
    },
    {
      methods: ["GET"],
      paths: forModel("/stats"),
      answer: (request) => {
        const { model, version } = modelIn(request);
        const asked = version === "" ? undefined : version;
        return toStatisticsJson(models.statistics(model, asked));
      },
    },
    { methods: ["POST"], paths: forModel("/infer"), answer: (...call) => infer(parts, ...call) },
    {
      methods: ["POST"],
      paths: ["/repository/index"],
      answer: async (request) => {
        const readyOnly = wantsReadyOnly(await readBody(request.raw, parts.readMaxBytes));
        const entries = await models.index();
        return toIndexJson(entries.filter(({ state }) => !readyOnly || state === "READY"));
      },
    },
    {
      methods: ["POST"],
      paths: ["/repository/models/:model/load"],
      gated: true,
      answer: async (request, reply) => {
        const { model } = modelIn(request);
        const signal = callSignal(reply.raw, parts.shutdownSignal);
        await abortable(models.loadFromRepository(model, signal), signal);
        return { name: model, load: true };
      },
    },
    {
      methods: ["POST"],
      paths: ["/repository/models/:model/unload"],
      gated: true,
      answer: async (request) => {
        const { model } = modelIn(request);
        await models.unloadFromRepository(model);
        return { name: model, unload: true };
      },
    },
  ];
}

async function infer(
  { models, readMaxBytes, shutdownSignal }: InferenceRestParts,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { model, version } = modelIn(request);
  const called = callSignal(reply.raw, shutdownSignal);
  const body = await abortable(readBody(request.raw, readMaxBytes), called);
  // HTTP/1.1 joins repeated values by a comma, which the decoder refuses.
  const jsonLength = request.headers["inference-header-content-length"]?.toString();
  const asked = decodeRestInference({ body, jsonLength, modelId: model, version });
  const signal = signalWithTimeout(called, asked.timeoutUs);
  const result = await abortable(models.infer(model, asked.inference, signal), signal);
  const answer = encodeRestInference(result, { modelId: model, ...asked });
  if (answer.jsonLength === undefined) {
    return reply.header("content-type", "application/json").send(answer.body);
  }
  return reply
    .header("content-type", "application/octet-stream")
    .header("inference-header-content-length", answer.jsonLength)
    .send(answer.body);
}

function forModel(path: string): string[] {
  return [`/models/:model${path}`, `/models/:model/versions/:version${path}`];
}

/** Throws "invalid-argument" for a path like /v2/models//infer. */
function modelIn(request: FastifyRequest): { readonly model: string; readonly version: string } {
  const { model = "", version = "" } = request.params as { model?: string; version?: string };
  if (model === "") throw new RuntimeError("invalid-argument", "the path names no model");
  return { model, version };
}

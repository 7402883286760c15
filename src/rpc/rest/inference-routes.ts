import type { FastifyInstance } from "fastify";
import { abortable } from "../../base/abort.ts";
import { RuntimeError } from "../../base/errors.ts";
import type { Models } from "../../service/contract/models.ts";
import type { TextCalls } from "../../service/contract/text.ts";
import { tensorBytesBeside } from "../codec/bytes-beside.ts";
import { withTimeout } from "../connect/inference-timeout.ts";
import { HttpRefusal } from "../failures/answer-failure.ts";
import { accountOf } from "../guard/call-memory.ts";
import { observedRequest } from "../observe/observed-requests.ts";
import { inferenceExtensions } from "../services/inference.ts";
import { refusedExtensions } from "../triton/refused-extensions.ts";
import { modelConfigJson } from "../triton/triton-model-config.ts";
import { statisticsJson } from "../triton/triton-statistics.ts";
import {
  addRestRoute,
  jsonReply,
  type RestCall,
  type RestParts,
  type RestReply,
  type RestRoute,
} from "./add-route.ts";
import { readBody } from "./body.ts";
import { jsonInteger } from "./json.ts";
import { refuseParametersInBody } from "./load-body.ts";
import { wantsReadyOnly } from "./ready-only.ts";
import { decodeRestInference, type RestInference, type RestInferenceBody } from "./request.ts";
import { encodeRestInference } from "./response.ts";
import { toIndexJson, toMetadataJson } from "./views.ts";

/** Smaller bodies are decoded where they are: that takes a few milliseconds at most, and a thread costs some too. */
export const leastThreadBytes = 256 * 1024;

export interface InferenceRestParts extends RestParts {
  readonly models: Models;
  /** Absent: there are no routes for text models. */
  readonly texts?: TextCalls | undefined;
  /** This program's version. */
  readonly version: string;
  /** Limit for one body, before and after decompression. */
  readonly readMaxBytes: number;
  /** Decodes large requests. The memory behind `body` is taken away. Settles as `decodeRestInference`, or rejects
   *  with the reason of `signal`. */
  readonly codecThread: {
    decode(body: RestInferenceBody, signal: AbortSignal): Promise<RestInference>;
  };
}

/** The Open Inference Protocol version 2 over plain HTTP. `scope` is a REST scope (see restScope) with the
 *  prefix /v2. */
export function inferenceRest(scope: FastifyInstance, parts: InferenceRestParts): void {
  for (const route of routes(parts)) addRestRoute(scope, route, parts);
}

function routes(parts: InferenceRestParts): RestRoute[] {
  const { models, version } = parts;
  return [
    {
      methods: ["GET"],
      paths: ["/"],
      answer: () => jsonReply({ name: "modelport", version, extensions: inferenceExtensions }),
    },
    {
      methods: ["GET"],
      paths: ["/health/live"],
      right: "health",
      answer: () => jsonReply({ live: true }),
    },
    {
      methods: ["GET"],
      paths: ["/health/ready"],
      right: "health",
      // The protocol says "live" here and KServe "ready": clients find either.
      answer: () => {
        if (models.ready) return jsonReply({ ready: true, live: true });
        return jsonReply({ error: "not ready yet", ready: false, live: true }, 503);
      },
    },
    {
      methods: ["GET"],
      paths: ["/models"],
      answer: async () => {
        const entries = await models.index();
        return jsonReply({ models: [...new Set(entries.map(({ name }) => name))] });
      },
    },
    {
      methods: ["GET"],
      paths: ["/models/stats"],
      answer: () => jsonReply(statisticsJson(models.statistics(), jsonInteger)),
    },
    {
      methods: ["GET"],
      paths: forModel(""),
      answer: ({ model, version }) =>
        jsonReply(toMetadataJson(model, models.describe(model, version))),
    },
    {
      methods: ["GET"],
      paths: forModel("/ready"),
      answer: ({ model, version }) => {
        if (models.isModelReady(model, version)) return jsonReply({ name: model, ready: true });
        // Reports why, in most cases.
        models.describe(model, version);
        throw new RuntimeError("model-not-ready", `model '${model}' is not ready`);
      },
    },
    {
      methods: ["GET"],
      paths: forModel("/stats"),
      answer: ({ model, version }) =>
        jsonReply(statisticsJson(models.statistics(model, version || undefined), jsonInteger)),
    },
    {
      methods: ["GET"],
      paths: forModel("/config"),
      answer: ({ model, version }) =>
        jsonReply(modelConfigJson(model, models.config(model, version))),
    },
    { methods: ["POST"], paths: forModel("/infer"), answer: (call) => infer(call, parts) },
    {
      methods: ["POST"],
      paths: ["/repository/index"],
      answer: async ({ request }) => {
        const readyOnly = wantsReadyOnly(await readBody(request, parts.readMaxBytes));
        const entries = await models.index();
        return jsonReply(
          toIndexJson(entries.filter(({ state }) => !readyOnly || state === "READY")),
        );
      },
    },
    {
      methods: ["POST"],
      paths: ["/repository/models/:model/load"],
      right: "lifecycle",
      answer: async ({ request, model, signal }) => {
        await refuseParametersInBody(request, { model, maxBytes: parts.readMaxBytes });
        await models.loadFromRepository(model, signal);
        return jsonReply({ name: model, load: true });
      },
    },
    {
      methods: ["POST"],
      paths: ["/repository/models/:model/unload"],
      right: "lifecycle",
      answer: async ({ model }) => {
        await models.unloadFromRepository(model);
        return jsonReply({ name: model, unload: true });
      },
    },
    ...refusedExtensions.map(({ paths, why }): RestRoute => {
      const answer = () => {
        throw new HttpRefusal(501, why);
      };
      return { methods: ["GET", "POST"], paths, answer };
    }),
  ];
}

async function infer(
  { request, model, version, signal: called }: RestCall,
  { models, readMaxBytes, codecThread }: InferenceRestParts,
): Promise<RestReply> {
  const body = await readBody(request, readMaxBytes);
  const account = accountOf(request);
  // No one waits for the response any more, or is allowed to.
  called.throwIfAborted();
  // HTTP joins repeated values by a comma, which the decoder refuses.
  const jsonLength = request.headers["inference-header-content-length"]?.toString();
  const observed = observedRequest(request)?.call;
  const arrivedMs = performance.now();
  const sent: RestInferenceBody = { body, jsonLength, modelId: model, version };
  const isLarge = jsonBytes(sent) >= leastThreadBytes;
  const asked = isLarge ? await codecThread.decode(sent, called) : decodeRestInference(sent);
  await account?.makeInTurn(tensorBytesBeside(asked.inference.inputs, body));
  observed?.decoded?.(performance.now() - arrivedMs);
  const inference = { ...asked.inference, times: observed?.times };
  const result = await withTimeout({ signal: called, timeoutUs: asked.timeoutUs }, (signal) =>
    abortable(models.infer(model, inference, signal), signal),
  );
  const resultMs = performance.now();
  const { sizeBytes, ...answer } = await encodeRestInference(
    result,
    { modelId: model, ...asked },
    (bytes) => account?.makeInTurn(bytes),
  );
  if (answer.body instanceof Uint8Array) account?.answer(sizeBytes);
  observed?.encoded?.(performance.now() - resultMs);
  const length = { "content-length": sizeBytes };
  if (answer.jsonLength === undefined) {
    return { headers: { "content-type": "application/json", ...length }, body: answer.body };
  }
  return {
    headers: {
      "content-type": "application/octet-stream",
      "inference-header-content-length": answer.jsonLength,
      ...length,
    },
    body: answer.body,
  };
}

function jsonBytes({ body, jsonLength }: RestInferenceBody): number {
  return jsonLength === undefined ? body.length : Math.min(Number(jsonLength), body.length);
}

function forModel(path: string): string[] {
  return [`/models/:model${path}`, `/models/:model/versions/:version${path}`];
}

import type { FastifyInstance } from "fastify";
import { abortable } from "../../base/abort.ts";
import { RuntimeError } from "../../base/errors.ts";
import type { Models } from "../../service/contract/models.ts";
import { tensorBytesBeside } from "../codec/bytes-beside.ts";
import { HttpRefusal } from "../failures/answer-failure.ts";
import { accountOf } from "../guard/call-memory.ts";
import { observedRequest } from "../observe/observed-requests.ts";
import { addRestRoute, jsonReply, type RestCall, type RestReply } from "./add-route.ts";
import { readBody } from "./body.ts";
import { type InferenceRestParts, leastThreadBytes } from "./inference-routes.ts";
import { modelCard, modelCards } from "./model-cards.ts";
import { decodeV1Inference, type V1Model } from "./v1-request.ts";
import { encodeV1Inference } from "./v1-response.ts";

/** KServe's V1 protocol, which MLServer's predecessors and TensorFlow Serving speak as well. `scope` is a REST scope with
 *  the prefix /v1. OpenAI has the same paths for lists of models: one answer has the fields of both. */
export function v1Rest(scope: FastifyInstance, parts: InferenceRestParts): void {
  const { models, texts } = parts;
  addRestRoute(
    scope,
    {
      methods: ["GET"],
      paths: ["/models"],
      answer: async () => {
        const entries = await models.index();
        const names = [...new Set(entries.map(({ name }) => name))];
        return jsonReply({
          models: names,
          ...(texts && { object: "list", data: modelCards(texts) }),
        });
      },
    },
    parts,
  );
  // One pattern for both: the verb follows the name after a colon, and names may have colons too.
  const paths = ["/models/:model", "/models/:model/versions/:version"];
  const answer = (call: RestCall) =>
    call.request.method === "POST" ? predict(call, parts) : readiness(call, models);
  addRestRoute(scope, { methods: ["GET", "POST"], paths, answer }, parts);
}

function readiness({ model, version }: RestCall, models: Models): RestReply {
  if (models.isModelReady(model, version)) {
    const { text } = models.describe(model, version);
    return jsonReply({ name: model, ready: true, ...(text && modelCard(model, text)) });
  }
  // Reports why, in most cases.
  models.describe(model, version);
  throw new RuntimeError("model-not-ready", `model '${model}' is not ready`);
}

async function predict(call: RestCall, parts: InferenceRestParts): Promise<RestReply> {
  const { request, signal } = call;
  const { models, readMaxBytes, codecThread } = parts;
  const observed = observedRequest(request)?.call;
  const v1 = modelOf(call, models);
  // The path's last part has the verb, too.
  observed?.model?.(v1.id);
  const body = await readBody(request, readMaxBytes);
  const account = accountOf(request);
  // No one waits for the response any more, or is allowed to.
  signal.throwIfAborted();
  const arrivedMs = performance.now();
  const { inference } =
    body.length < leastThreadBytes
      ? decodeV1Inference(body, v1)
      : await codecThread.decode(
          { body, jsonLength: undefined, modelId: v1.id, version: v1.version, v1 },
          signal,
        );
  await account?.makeInTurn(tensorBytesBeside(inference.inputs, body));
  observed?.decoded?.(performance.now() - arrivedMs);
  const asked = { ...inference, times: observed?.times };
  const result = await abortable(models.infer(v1.id, asked, signal), signal);
  const resultMs = performance.now();
  const answer = encodeV1Inference(result);
  account?.answer(answer.length);
  observed?.encoded?.(performance.now() - resultMs);
  const headers = { "content-type": "application/json", "content-length": answer.length };
  return { headers, body: answer };
}

/** The model that the path names, and what V1's requests to it mean. */
function modelOf({ model, version }: RestCall, models: Models): V1Model {
  const inVersion = version !== "";
  const named = inVersion ? version : model;
  const colon = named.lastIndexOf(":");
  const verb = named.slice(colon + 1);
  if (colon < 0 || verb !== "predict") {
    const what = colon < 0 ? "and has no verb" : `and ends in ':${verb.slice(0, 40)}'`;
    throw new HttpRefusal(404, `the path must end in ':predict', ${what}`);
  }
  const name = named.slice(0, colon);
  const id = inVersion ? model : name;
  const { inputs, tabular, platform } = models.describe(id, inVersion ? name : "");
  return {
    id,
    version: inVersion ? name : "",
    inputs,
    columns: tabular?.features,
    // KServe's server makes a data frame with the columns of the model, where it is one of LightGBM only.
    fillsColumns: tabular !== undefined && platform === "lightgbm_lightgbm",
    // What KServe's own server for the library answers.
    outputs: tabular === undefined ? [] : ["output-0"],
  };
}

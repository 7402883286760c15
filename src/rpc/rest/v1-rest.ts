import type { FastifyInstance } from "fastify";
import { RuntimeError } from "../../base/errors.ts";
import type { Models } from "../../service/contract/models.ts";
import { HttpRefusal } from "../failures/answer-failure.ts";
import { addRestRoute, jsonReply, type RestCall, type RestReply } from "./add-route.ts";
import type { InferenceRestParts } from "./inference-routes.ts";
import { modelCard, modelCards } from "./model-cards.ts";
import { callV1, type V1Forms, v1Answer, v1ModelOf } from "./v1-call.ts";
import { decodeV1Inference, type V1Model } from "./v1-request.ts";

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
  // TensorFlow Serving's word for an alias is label.
  const paths = [
    "/models/:model",
    "/models/:model/versions/:version",
    "/models/:model/labels/:version",
  ];
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

const forms: V1Forms = { decode: ({ body, v1 }) => decodeV1Inference(body, v1), encode: v1Answer };

async function predict(call: RestCall, parts: InferenceRestParts): Promise<RestReply> {
  return await callV1(call, modelOf(call, parts.models), { forms, parts });
}

/** Verbs of the servers that speak V1 which are not done here. */
const otherVerbs: ReadonlyMap<string, string> = new Map([
  ["explain", "explanations are not offered: KServe asks an explainer of its own for them"],
  ["classify", "TensorFlow's examples are not read: ask ':predict' for the model's outputs"],
  ["regress", "TensorFlow's examples are not read: ask ':predict' for the model's outputs"],
]);

/** The model that the path names, and what V1's requests to it mean. */
function modelOf({ model, version }: RestCall, models: Models): V1Model {
  const inVersion = version !== "";
  const named = inVersion ? version : model;
  const colon = named.lastIndexOf(":");
  const verb = named.slice(colon + 1);
  const why = colon < 0 ? undefined : otherVerbs.get(verb);
  if (why !== undefined) throw new HttpRefusal(501, `':${verb}' is not implemented: ${why}`);
  if (colon < 0 || verb !== "predict") {
    const what = colon < 0 ? "and has no verb" : `and ends in ':${verb.slice(0, 40)}'`;
    throw new HttpRefusal(404, `the path must end in ':predict', ${what}`);
  }
  const name = named.slice(0, colon);
  return inVersion ? v1ModelOf(models, model, name) : v1ModelOf(models, name, "");
}

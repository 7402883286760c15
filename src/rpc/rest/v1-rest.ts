import type { FastifyInstance } from "fastify";
import { abortable } from "../../base/abort.ts";
import { RuntimeError } from "../../base/errors.ts";
import type { Models } from "../../service/contract/models.ts";
import { tensorBytesBeside } from "../codec/bytes-beside.ts";
import { leastThreadBytes } from "../codec-thread/codec-thread.ts";
import { HttpRefusal } from "../failures/answer-failure.ts";
import { accountOf } from "../guard/call-memory.ts";
import { observedRequest } from "../observe/observed-requests.ts";
import type { InferenceRestParts } from "./inference-rest.ts";
import { readBody } from "./rest-body.ts";
import { addRestRoute, jsonReply, type RestCall, type RestReply } from "./rest-route.ts";
import { decodeV1Inference, type V1Model } from "./v1-request.ts";
import { encodeV1Inference } from "./v1-response.ts";

/** KServe's V1 protocol, which MLServer's predecessors and TensorFlow Serving speak as well. `scope` is a REST scope with
 *  the prefix /v1. */
export function v1Rest(scope: FastifyInstance, parts: InferenceRestParts): void {
  const { models } = parts;
  addRestRoute(
    scope,
    {
      methods: ["GET"],
      paths: ["/models"],
      answer: async () => {
        const entries = await models.index();
        return jsonReply({ models: [...new Set(entries.map(({ name }) => name))] });
      },
    },
    parts,
  );
  // One pattern for both: the verb follows the name after a colon, and names may have colons too.
  for (const path of ["/models/:model", "/models/:model/versions/:version"]) {
    addRestRoute(
      scope,
      { methods: ["GET"], paths: [path], answer: (call) => readiness(call, models) },
      { ...parts, otherMethods: ["POST"] },
    );
    addRestRoute(
      scope,
      { methods: ["POST"], paths: [path], answer: (call) => predict(call, parts) },
      { ...parts, otherMethods: ["GET"] },
    );
  }
}

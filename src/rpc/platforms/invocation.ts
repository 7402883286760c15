import { RuntimeError } from "../../base/errors.ts";
import { HttpRefusal } from "../failures/answer-failure.ts";
import type { RestCall, RestReply } from "../rest/add-route.ts";
import type { InferenceRestParts } from "../rest/inference-routes.ts";
import type { PlatformBody } from "../rest/request.ts";
import { encodeRestInference, type RestAnswer } from "../rest/response.ts";
import { callV1, type EncodedAnswer, type V1Forms, v1Answer, v1ModelOf } from "../rest/v1-call.ts";
import { encodeCsv } from "./csv-answer.ts";
import { hostedModel } from "./hosting.ts";
import { decodePlatformBody } from "./platform-body.ts";

/** A prediction of the only model, as SageMaker and Vertex AI ask for it. Rejects with HttpRefusal 415 or 406 for what the
 *  headers say of the request and of its answer. */
export async function invoke(
  call: RestCall,
  named: readonly string[],
  parts: InferenceRestParts,
): Promise<RestReply> {
  const { headers } = call.request;
  const platform = bodyOf(headers["content-type"] ?? "application/json");
  const accepts = readAccept(headers.accept ?? "*/*", platform.tag);
  const model = await hostedModel(named, parts.models);
  const forms = formsOf({ platform, accepts, modelId: model });
  return await callV1(call, v1ModelOf(parts.models, model, ""), { forms, parts });
}

function formsOf({
  platform,
  accepts,
  modelId,
}: {
  readonly platform: PlatformBody;
  readonly accepts: PlatformBody["tag"];
  readonly modelId: string;
}): V1Forms {
  return {
    platform,
    decode: (sent) => decodePlatformBody({ ...sent, platform }),
    encode: async (result, asked, make) => {
      if (accepts === "csv") {
        const body = encodeCsv(result);
        return { body, sizeBytes: body.length, contentType: "text/csv; charset=utf-8" };
      }
      if (asked.wire !== "v2") return v1Answer(result, asked);
      return openInferenceAnswer(await encodeRestInference(result, { modelId, ...asked }, make));
    },
  };
}

function bodyOf(contentType: string): PlatformBody {
  const [type = "", ...parameters] = contentType.toLowerCase().split(";");
  if (type.trim() === "application/json") return { tag: "json" };
  if (type.trim() === "text/csv") {
    const hasHeader = parameters.some((each) => /^\s*header\s*=\s*"?present"?\s*$/.test(each));
    return { tag: "csv", hasHeader };
  }
  throw new HttpRefusal(
    415,
    `Content-Type is '${contentType.slice(0, 100)}', expected application/json or text/csv`,
  );
}

/** The first that is known of what the client takes. A client that takes anything gets what it sent. */
function readAccept(accept: string, sent: PlatformBody["tag"]): PlatformBody["tag"] {
  for (const each of accept.toLowerCase().split(",")) {
    const type = each.split(";", 1)[0]?.trim();
    if (type === "application/json" || type === "application/*") return "json";
    if (type === "text/csv" || type === "text/*") return "csv";
    if (type === "*/*" || type === "") return sent;
  }
  throw new HttpRefusal(
    406,
    `Accept is '${accept.slice(0, 100)}', and answers are application/json or text/csv`,
  );
}

function openInferenceAnswer({ body, sizeBytes, jsonLength }: RestAnswer): EncodedAnswer {
  if (jsonLength === undefined) return { body, sizeBytes, contentType: "application/json" };
  throw new RuntimeError(
    "invalid-argument",
    "the answer cannot be in binary form here: the header that says where it begins does not reach the client",
  );
}

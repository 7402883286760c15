import { parseJson } from "../rest/json.ts";
import {
  type PlatformBody,
  type RestInference,
  type RestInferenceBody,
  readRestInference,
} from "../rest/request.ts";
import { readV1Inference, type V1Model } from "../rest/v1-request.ts";
import { decodeCsvInference } from "./csv-request.ts";

/** A request to a platform's path for predictions. CSV; or JSON of V1, of the Open Inference Protocol, which is told by
 *  its tensors, or a bare list of rows. Throws "invalid-argument". */
export function decodePlatformBody(
  sent: RestInferenceBody & { readonly v1: V1Model; readonly platform: PlatformBody },
): RestInference {
  const { body, v1, platform } = sent;
  if (platform.tag === "csv") return decodeCsvInference(body, v1, platform);
  const request = parseJson(body, "the request", { bareNumbers: true });
  if (Array.isArray(request)) return readV1Inference({ instances: request }, v1);
  if (!isOpenInference(request)) return readV1Inference(request, v1);
  return { ...readRestInference(request, new Uint8Array(0), sent), wire: "v2" };
}

/** Rows by the names of columns could have these names, but not of these types. */
function isOpenInference(request: unknown): boolean {
  const inputs: unknown = Object(request).inputs;
  if (!Array.isArray(inputs) || inputs.length === 0) return false;
  return inputs.every((input: unknown) => {
    const { name, datatype, shape } = Object(input);
    return typeof name === "string" && typeof datatype === "string" && Array.isArray(shape);
  });
}

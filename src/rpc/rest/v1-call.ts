import type { Readable } from "node:stream";
import { abortable } from "../../base/abort.ts";
import type { InferenceResult, Models } from "../../service/contract/models.ts";
import { tensorBytesBeside } from "../codec/bytes-beside.ts";
import { withTimeout } from "../connect/inference-timeout.ts";
import { accountOf } from "../guard/call-memory.ts";
import { observedRequest } from "../observe/observed-requests.ts";
import type { RestCall, RestReply } from "./add-route.ts";
import { readBody } from "./body.ts";
import { type InferenceRestParts, leastThreadBytes } from "./inference-routes.ts";
import type { RestInference, RestInferenceBody } from "./request.ts";
import type { V1Model } from "./v1-request.ts";
import { encodeV1Inference } from "./v1-response.ts";

/** What a request of V1 to a model, or one of its versions, means. Throws as `Models.describe`. */
export function v1ModelOf(models: Models, id: string, version: string): V1Model {
  const { inputs, tabular, platform } = models.describe(id, version);
  return {
    id,
    version,
    inputs,
    columns: tabular?.features,
    // KServe's server makes a data frame with the columns of the model, where it is one of LightGBM only.
    fillsColumns: tabular !== undefined && platform === "lightgbm_lightgbm",
    // What KServe's own server for the library answers.
    outputs: tabular === undefined ? [] : ["output-0"],
  };
}

export type SentToV1 = RestInferenceBody & { readonly v1: V1Model };

/** How a request is read and answered. */
export interface V1Forms {
  /** Says the same to the codec thread. */
  readonly platform?: RestInferenceBody["platform"];
  decode(sent: SentToV1): RestInference;
  /** `make` as for `encodeRestInference`. May throw. */
  encode(
    result: InferenceResult,
    asked: RestInference,
    make: (bytes: number) => Promise<void> | undefined,
  ): EncodedAnswer | Promise<EncodedAnswer>;
}

export interface EncodedAnswer {
  readonly body: Buffer | Readable;
  readonly sizeBytes: number;
  readonly contentType: string;
}

/** Reads the request of `call`, runs the model, and makes the answer. */
export async function callV1(
  { request, signal: called }: Pick<RestCall, "request" | "signal">,
  v1: V1Model,
  { forms, parts }: { readonly forms: V1Forms; readonly parts: InferenceRestParts },
): Promise<RestReply> {
  const { models, readMaxBytes, codecThread } = parts;
  const observed = observedRequest(request)?.call;
  // The path has a verb too, or names no model.
  observed?.model?.(v1.id);
  const body = await readBody(request, readMaxBytes);
  const account = accountOf(request);
  // No one waits for the response any more, or is allowed to.
  called.throwIfAborted();
  const arrivedMs = performance.now();
  const { platform } = forms;
  const { id: modelId, version } = v1;
  const sent: SentToV1 = {
    ...{ body, jsonLength: undefined, modelId, version, v1 },
    ...(platform && { platform }),
  };
  const asked =
    body.length < leastThreadBytes ? forms.decode(sent) : await codecThread.decode(sent, called);
  await account?.makeInTurn(tensorBytesBeside(asked.inference.inputs, body));
  observed?.decoded?.(performance.now() - arrivedMs);
  const inference = { ...asked.inference, times: observed?.times };
  const result = await withTimeout({ signal: called, timeoutUs: asked.timeoutUs }, (signal) =>
    abortable(models.infer(modelId, inference, signal), signal),
  );
  const resultMs = performance.now();
  const answer = await forms.encode(result, asked, (bytes) => account?.makeInTurn(bytes));
  if (answer.body instanceof Uint8Array) account?.answer(answer.sizeBytes);
  observed?.encoded?.(performance.now() - resultMs);
  const { contentType, sizeBytes } = answer;
  return {
    headers: { "content-type": contentType, "content-length": sizeBytes },
    body: answer.body,
  };
}

/** V1's own answer, in the form that the request asked for by its fields. */
export function v1Answer(result: InferenceResult, { wire }: RestInference): EncodedAnswer {
  const body = encodeV1Inference(result, { columns: wire === "v1-columns" });
  return { body, sizeBytes: body.length, contentType: "application/json" };
}

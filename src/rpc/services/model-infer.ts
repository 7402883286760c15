import type { CancelSignal } from "../../base/cancel-signal.ts";
import { RuntimeError } from "../../base/errors.ts";
import type { Models } from "../../service/contract/models.ts";
import type { InferAnswer, InferMessage } from "../codec/infer-message.ts";
import { decodeInference } from "../codec/tensor-codec.ts";
import { readTimeoutUs, withTimeout } from "../connect/inference-timeout.ts";
import { longText, maxTextBytes } from "../guard/text-limit.ts";
import type { ObservedCall } from "../observe/call-observer.ts";
import type { HeaderReader } from "../observe/header-reader.ts";
import { modelIdOf } from "./model-id.ts";

/** What an inference needs to know of its call. */
export interface InferCall {
  readonly header: HeaderReader;
  /** Aborts when nobody waits for the answer any more. */
  readonly cancellation: CancelSignal;
  readonly observed: ObservedCall | undefined;
}

/** inference.GRPCInferenceService/ModelInfer, whoever decodes the request and encodes the answer. Tensors
 *  of the request are handed over with it; those of the answer belong to the caller. What is wrong with
 *  the request itself it throws at once. */
export function modelInfer(
  models: Models,
): (request: InferMessage, call: InferCall) => Promise<InferAnswer> {
  // No async function: this is on the way of every inference, and one promise less is felt.
  return (request, { header, cancellation, observed }) => {
    refuseLongId(request.id);
    const id = modelIdOf(header, request.modelName);
    observed?.model?.(id);
    const { inference: asked, form } = decodeInference(request, id);
    const times = observed?.times;
    const inference = times === undefined ? asked : { ...asked, times };
    const timeoutUs = readTimeoutUs(request.parameters["timeout"]?.parameterChoice.value);
    const running =
      timeoutUs === undefined
        ? models.infer(id, inference, cancellation)
        : withTimeout({ signal: cancellation, timeoutUs }, (within) =>
            models.infer(id, inference, within),
          );
    return running.then(({ version, outputs }) => ({
      modelName: request.modelName || id,
      modelVersion: version,
      id: request.id,
      outputs,
      form,
    }));
  };
}

/** Large messages are refused earlier, by whoever reads them. */
function refuseLongId(id: string): void {
  // A letter has up to three bytes, which are only counted where they could be too many.
  const sizeBytes = id.length * 3 > maxTextBytes ? Buffer.byteLength(id) : 0;
  if (sizeBytes > maxTextBytes) {
    throw new RuntimeError("invalid-argument", longText("id", sizeBytes));
  }
}

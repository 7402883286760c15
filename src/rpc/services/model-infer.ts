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

/** The parts of a call that an inference needs. */
export interface InferCall {
  readonly header: HeaderReader;
  /** Aborts when no one waits for the response any more. */
  readonly cancellation: CancelSignal;
  readonly observed: ObservedCall | undefined;
}

/** inference.GRPCInferenceService/ModelInfer, independent of how the request is decoded and the response
 *  encoded. Takes over the request's tensors; the response's tensors belong to the caller. Throws synchronously
 *  if the request itself is invalid. */
export function modelInfer(
  models: Models,
): (request: InferMessage, call: InferCall) => Promise<InferAnswer> {
  // Not an async function: every inference passes through here, and one promise less is measurable.
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

import { parentPort, workerData } from "node:worker_threads";
import { describeError, RuntimeError } from "../../base/errors.ts";
import { FieldError } from "../failures/field-error.ts";
import { decodePlatformBody } from "../platforms/platform-body.ts";
import {
  decodeRestInference,
  type RestInference,
  type RestInferenceBody,
} from "../rest/request.ts";
import { decodeV1Inference } from "../rest/v1-request.ts";
import { decodeTextBody } from "../text/text-bodies.ts";
import type { CodecAnswer, CodecCall, CodecThreadData } from "./codec-thread-messages.ts";
import { refuseCostlyJson } from "./json-cost.ts";

// Entry point of the codec thread.

if (parentPort === null) throw new Error("this is the entry of a worker thread");
const server = parentPort;
const { maxHeapBytes } = workerData as CodecThreadData;
server.on("message", (call: CodecCall) => answer(call));

function decode(call: RestInferenceBody): RestInference {
  const { v1, platform } = call;
  if (v1 === undefined) return decodeRestInference(call);
  return platform
    ? decodePlatformBody({ ...call, v1, platform })
    : decodeV1Inference(call.body, v1);
}

function answer(call: CodecCall): void {
  try {
    if ("text" in call) {
      refuseCostlyJson(call, maxHeapBytes, "send several requests");
      const value = decodeTextBody(call.text, call.body);
      server.postMessage({ value } satisfies CodecAnswer);
      return;
    }
    refuseCostlyJson(call, maxHeapBytes);
    const result = decode(call);
    // Binary tensors are views of the one body.
    const buffers = new Set(result.inference.inputs.map(({ data }) => data.buffer as ArrayBuffer));
    server.postMessage({ result } satisfies CodecAnswer, [...buffers]);
  } catch (error) {
    const kind = error instanceof RuntimeError ? error.kind : undefined;
    const field = error instanceof FieldError ? error.field : undefined;
    const failure = { kind, message: describeError(error, 2_000), field };
    server.postMessage({ failure } satisfies CodecAnswer);
  }
}

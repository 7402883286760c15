import { GRPCInferenceService } from "../../gen/inference/inference_pb.ts";
import type { Models } from "../service/models.ts";
import type { UnaryMethod } from "./grpc-unary-method.ts";
import type { InferAnswer, InferMessage } from "./infer-message.ts";
import { decodeInferRequest } from "./infer-request-decoder.ts";
import { encodeInferResponse } from "./infer-response-encoder.ts";
import { rpcOf } from "./interceptors.ts";
import { modelInfer } from "./model-infer.ts";
import { contentBytesBeside } from "./payloads/bytes-beside.ts";

/** ModelInfer by way of our own codec. */
export function modelInferMethod(models: Models): UnaryMethod<InferMessage, InferAnswer> {
  const infer = modelInfer(models);
  const method = GRPCInferenceService.method.modelInfer;
  return {
    method,
    rpc: rpcOf({ service: GRPCInferenceService, method }),
    needsEnd: false,
    decode: decodeInferRequest,
    bytesBeside: ({ inputs }, bytes) => contentBytesBeside(inputs, bytes),
    run: infer,
    encode: encodeInferResponse,
  };
}

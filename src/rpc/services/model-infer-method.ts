import { GRPCInferenceService } from "../../../gen/inference/inference_pb.ts";
import type { Models } from "../../service/contract/models.ts";
import { contentBytesBeside } from "../codec/bytes-beside.ts";
import type { InferAnswer, InferMessage } from "../codec/infer-message.ts";
import { decodeInferRequest } from "../codec/infer-request-decoder.ts";
import { encodeInferResponse } from "../codec/infer-response-encoder.ts";
import { rpcOf } from "../failures/log-failure.ts";
import type { UnaryMethod } from "../grpc/unary-method.ts";
import { modelInfer } from "./model-infer.ts";

/** ModelInfer with our own codec. */
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

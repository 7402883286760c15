import { fromJson } from "@bufbuild/protobuf";
import { type Client, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { GRPCInferenceService, ModelInferRequestSchema } from "../../gen/inference/inference_pb.ts";
import { ModelRuntime } from "../../gen/mmesh/model-runtime_pb.ts";

/** The clients of another process, over gRPC. */
export interface OtherCaller {
  readonly runtime: Client<typeof ModelRuntime>;
  readonly inference: Client<typeof GRPCInferenceService>;
}

export function otherCaller(port: number): OtherCaller {
  const transport = createGrpcTransport({ baseUrl: `http://localhost:${port}` });
  return {
    runtime: createClient(ModelRuntime, transport),
    inference: createClient(GRPCInferenceService, transport),
  };
}

/** Asks the digits model that is loaded as `modelName`; `pixels` other than 64 make a request that fails. */
export async function askDigits(
  caller: OtherCaller,
  modelName: string,
  pixels = 64,
): Promise<void> {
  const request = fromJson(ModelInferRequestSchema, {
    modelName,
    inputs: [
      {
        name: "image",
        datatype: "FP32",
        shape: [1, 1, 8, 8],
        contents: { fp32Contents: Array.from({ length: pixels }, () => 16 * Math.random()) },
      },
    ],
  });
  await caller.inference.modelInfer(request);
}

import { createClient, type Transport } from "@connectrpc/connect";
import { GRPCInferenceService } from "../../../gen/inference/inference_pb.ts";
import type { Datatype } from "../../../src/base/tensor.ts";
import type { Way } from "./way.ts";

/** gRPC with `raw_input_contents`, by protobuf-es. */
export function rawGrpc(transport: Transport): Way {
  const client = createClient(GRPCInferenceService, transport);
  return {
    name: "gRPC, raw",
    tellsNonFinite: true,
    carries: () => true,
    async infer(modelName, tensors) {
      const inputs = tensors.map(({ name, datatype, shape }) => {
        return { name, datatype, shape: shape.map(BigInt) };
      });
      const rawInputContents = tensors.map(({ data }) => data);
      const answer = await client.modelInfer({ modelName, inputs, rawInputContents });
      const { outputs, rawOutputContents } = answer;
      if (outputs.length !== rawOutputContents.length) throw new Error("the answer is not raw");
      return outputs.map(({ name, datatype, shape }, at) => ({
        name,
        datatype: datatype as Datatype,
        shape: shape.map(Number),
        data: rawOutputContents[at] ?? new Uint8Array(0),
      }));
    },
  };
}

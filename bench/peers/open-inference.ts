import { fromBinary } from "@bufbuild/protobuf";
import { ModelInferResponseSchema } from "../../gen/inference/inference_pb.ts";
import { inferPath } from "../echo-servers.ts";
import { frameHeaderBytes } from "../load/grpc-connection.ts";
import { inferFrame } from "../messages.ts";
import type { Peer } from "./peer.ts";

/** How to speak with servers of the Open Inference Protocol. */
export const openInference: Pick<Peer, "callOf" | "valuesIn"> = {
  callOf: ({ name, shape }) => ({
    path: inferPath,
    frame: inferFrame({ model: name, shape, form: "raw" }),
  }),

  valuesIn(answer) {
    const message = fromBinary(ModelInferResponseSchema, answer.subarray(frameHeaderBytes));
    const raw = message.rawOutputContents[0];
    // Copied, since a view into the frame starts anywhere.
    if (raw !== undefined) return new Float32Array(new Uint8Array(raw).buffer);
    return Float32Array.from(message.outputs[0]?.contents?.fp32Contents ?? []);
  },
};

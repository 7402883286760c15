import { createClient } from "@connectrpc/connect";
import { GRPCInferenceService } from "../../gen/inference/inference_pb.ts";
import { ModelRuntime } from "../../gen/mmesh/model-runtime_pb.ts";
import { transport } from "./server-transport.ts";

export const inferenceClient = createClient(GRPCInferenceService, transport);
/** Never call runtimeStatus from here: the runtime would take that for ModelMesh's takeover. */
export const runtimeClient = createClient(ModelRuntime, transport);

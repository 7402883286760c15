import { createClient } from "@connectrpc/connect";
import { GRPCInferenceService } from "../../gen/inference/inference_pb.ts";
import { ModelRuntime } from "../../gen/mmesh/model-runtime_pb.ts";
import { transport } from "./server-transport.ts";

export const inferenceClient = createClient(GRPCInferenceService, transport);
/** Never call runtimeStatus from here: it tells the runtime that ModelMesh has taken over. */
export const runtimeClient = createClient(ModelRuntime, transport);

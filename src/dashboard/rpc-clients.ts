import { createClient } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { GRPCInferenceService } from "../../gen/inference/inference_pb.ts";
import { ModelRuntime } from "../../gen/mmesh/model-runtime_pb.ts";
import { RuntimeWatchService } from "../../gen/modelport/v1/runtime_watch_pb.ts";

/** Where the server is, as callers outside of this page write it: without a slash at the end. */
export const serverUrl: string = new URL(".", document.baseURI).href.replace(/\/$/, "");

const transport = createGrpcWebTransport({ baseUrl: serverUrl });

export const watchClient = createClient(RuntimeWatchService, transport);
export const inferenceClient = createClient(GRPCInferenceService, transport);
/** Never call runtimeStatus from here: it tells the runtime that ModelMesh has taken over. */
export const runtimeClient = createClient(ModelRuntime, transport);

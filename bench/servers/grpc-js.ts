// @grpc/grpc-js as its documentation sets it up, with @grpc/proto-loader. It echoes tensors.
import { fileURLToPath } from "node:url";
import * as grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { announce } from "./announce.ts";

interface EchoCall {
  readonly modelName: string;
  readonly id: string;
  readonly inputs: readonly object[];
  readonly rawInputContents: readonly Uint8Array[];
}

const protoFolder = fileURLToPath(new URL("../../proto", import.meta.url));
const definitions = loadSync("inference/inference.proto", { includeDirs: [protoFolder] });

const server = new grpc.Server({ "grpc.max_receive_message_length": -1 });
server.addService(definitions["inference.GRPCInferenceService"] as grpc.ServiceDefinition, {
  modelInfer(
    { request }: grpc.ServerUnaryCall<EchoCall, object>,
    answer: grpc.sendUnaryData<object>,
  ) {
    const { modelName, id, inputs, rawInputContents } = request;
    answer(null, { modelName, id, outputs: inputs, rawOutputContents: rawInputContents });
  },
});
server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  announce(port);
});

// Asks the digits model over gRPC-Web, with the code that runs in browsers as well.
import { readFile } from "node:fs/promises";
import { fromJson } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { GRPCInferenceService, ModelInferRequestSchema } from "../../gen/inference/inference_pb.ts";

const baseUrl = process.argv[2] ?? "http://localhost:8085";
const client = createClient(GRPCInferenceService, createGrpcWebTransport({ baseUrl }));

const request = JSON.parse(await readFile("examples/requests/digits.json", "utf8"));
const answer = await client.modelInfer(fromJson(ModelInferRequestSchema, request));
const label = answer.outputs.find(({ name }) => name === "label");
console.log(`the digit is ${label?.contents?.int64Contents[0]}`);

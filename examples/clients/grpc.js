// Asks the digits model over gRPC, with the generic client of the gRPC project.
import { readFile } from "node:fs/promises";
import { credentials, loadPackageDefinition } from "@grpc/grpc-js";
import { load } from "@grpc/proto-loader";

const { inference } = loadPackageDefinition(await load("proto/inference/inference.proto"));
const address = process.argv[2] ?? "localhost:8085";
const client = new inference.GRPCInferenceService(address, credentials.createInsecure());

const request = JSON.parse(await readFile("examples/requests/digits.json", "utf8"));
client.ModelInfer(request, (error, answer) => {
  if (error) throw error;
  const label = answer.outputs.find(({ name }) => name === "label");
  console.log(`the digit is ${label.contents.int64Contents[0]}`);
  client.close();
});

// Runs in the browser: the calls of a dashboard, over gRPC-Web, shown in the page.

import { fromJsonString } from "@bufbuild/protobuf";
import { ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import {
  Health,
  HealthCheckResponse_ServingStatusSchema,
} from "../../gen/grpc/health/v1/health_pb.ts";
import { GRPCInferenceService, ModelInferRequestSchema } from "../../gen/inference/inference_pb.ts";
import {
  ModelRuntime,
  RuntimeStatusResponse_StatusSchema,
} from "../../gen/mmesh/model-runtime_pb.ts";

// All that this page needs of the browser. `lib: dom` would let every browser name pass in Node's files.
declare const document: {
  getElementById(id: string): { textContent: string };
  body: { dataset: Record<string, string> };
};
declare const location: { readonly origin: string };

const transport = createGrpcWebTransport({ baseUrl: location.origin });
const runtime = createClient(ModelRuntime, transport);
const inference = createClient(GRPCInferenceService, transport);
const health = createClient(Health, transport);

async function showStatus() {
  const { status, capacityInBytes } = await runtime.runtimeStatus({});
  show("status", RuntimeStatusResponse_StatusSchema.value[status]?.name ?? "unknown");
  show("capacity", `${capacityInBytes} bytes`);
}

async function showHealth() {
  // The first message of a stream that goes on: the page stops reading, which ends the call.
  for await (const { status } of health.watch({})) {
    show("health", HealthCheckResponse_ServingStatusSchema.value[status]?.name ?? "unknown");
    return;
  }
}

async function showMetadata(name: string) {
  const { inputs, outputs } = await inference.modelMetadata({ name });
  const describe = (tensor: (typeof inputs)[number]) =>
    `${tensor.name} ${tensor.datatype} [${tensor.shape.join(", ")}]`;
  show("inputs", inputs.map(describe).join("; "));
  show("outputs", outputs.map(describe).join("; "));
}

async function showInference() {
  const request = fromJsonString(ModelInferRequestSchema, text("request"));
  await showMetadata(request.modelName);
  const { outputs } = await inference.modelInfer(request);
  const output = (name: string) => outputs.find((tensor) => tensor.name === name)?.contents;
  show("label", (output("label")?.int64Contents ?? []).join(", "));
  const probabilities = output("probabilities")?.fp32Contents ?? [];
  show("probabilities", probabilities.map((value) => value.toFixed(3)).join(", "));
}

async function showFailure() {
  try {
    await inference.modelInfer({ modelName: "no such model" });
  } catch (error) {
    show("failure", ConnectError.from(error).message);
  }
}

function text(id: string): string {
  return document.getElementById(id).textContent;
}

function show(id: string, value: string): void {
  document.getElementById(id).textContent = value;
}

try {
  await Promise.all([showStatus(), showHealth(), showInference(), showFailure()]);
  document.body.dataset["state"] = "done";
} catch (error) {
  show("failure", String(error));
  document.body.dataset["state"] = "failed";
}

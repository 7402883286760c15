import { fileURLToPath } from "node:url";
import type { MethodDefinition } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

const definition = loadSync(
  fileURLToPath(new URL("../../../proto/inference/inference.proto", import.meta.url)),
  { longs: String, enums: String, defaults: true, keepCase: true },
);
const service = definition["inference.GRPCInferenceService"] as unknown as Record<
  string,
  MethodDefinition<object, object>
>;
const modelInfer = service["ModelInfer"] as MethodDefinition<object, object>;

interface InferAnswer {
  readonly model_name: string;
  readonly outputs: readonly { readonly name: string }[];
  readonly raw_output_contents: readonly Buffer[];
}

export const inferMethod = "inference.GRPCInferenceService/ModelInfer";

/** A ModelInferRequest in bytes. `x`: FP32 [rows, 4], row-major. `model`: what the caller calls it. */
export function encodeInfer(
  x: readonly number[],
  { model = "", version = "", slowRounds = 0 } = {},
): Buffer {
  const inputs = [{ name: "x", datatype: "FP32", shape: [x.length / 4, 4] }];
  const raw = [Buffer.from(Float32Array.from(x).buffer)];
  if (slowRounds > 0) {
    inputs.push({ name: "n", datatype: "INT64", shape: [1] });
    raw.push(Buffer.from(BigInt64Array.of(BigInt(slowRounds)).buffer));
  }
  return modelInfer.requestSerialize({
    model_name: model,
    model_version: version,
    inputs,
    raw_input_contents: raw,
  });
}

/** The model that a ModelInferRequest, or another message of the service, asks for: its first field. */
export function modelNameOf(request: Buffer): string {
  const { model_name: name } = modelInfer.requestDeserialize(request) as { model_name: string };
  return name;
}

function decodeInfer(bytes: Buffer): InferAnswer {
  return modelInfer.responseDeserialize(bytes) as InferAnswer;
}

/** The first output, which is FP32. */
export function fp32Output(bytes: Buffer): number[] {
  const [raw = Buffer.alloc(0)] = decodeInfer(bytes).raw_output_contents;
  return Array.from({ length: raw.length / 4 }, (_, at) => raw.readFloatLE(at * 4));
}

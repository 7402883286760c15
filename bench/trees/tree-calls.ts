import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  ModelInferRequestSchema,
  ModelInferResponseSchema,
} from "../../gen/inference/inference_pb.ts";
import { inferPath } from "../echo-servers.ts";
import { frameHeaderBytes, frameOf, type UnaryCall } from "../load/grpc-connection.ts";
import { inferElements } from "../messages.ts";

/** An inference of `rows` rows in FP32. All of the servers ignore the name of the input. */
export function treeCall(
  model: string,
  { rows, columns }: { readonly rows: number; readonly columns: number },
): UnaryCall {
  const elements = inferElements([rows, columns]);
  const shape = [BigInt(rows), BigInt(columns)];
  const message = create(ModelInferRequestSchema, {
    modelName: model,
    id: "1",
    inputs: [{ name: "input-0", datatype: "FP32", shape }],
    rawInputContents: [new Uint8Array(elements.buffer)],
  });
  return { path: inferPath, frame: frameOf(toBinary(ModelInferRequestSchema, message)) };
}

/** The numbers of the first output in the frame of an answer. */
export function answersIn(frame: Buffer): number[] {
  const message = fromBinary(ModelInferResponseSchema, frame.subarray(frameHeaderBytes));
  const [output] = message.outputs;
  const [raw] = message.rawOutputContents;
  if (raw === undefined) {
    return [...(output?.contents?.fp64Contents ?? []), ...(output?.contents?.fp32Contents ?? [])];
  }
  // Copied, since a view into the frame starts anywhere.
  const { buffer } = new Uint8Array(raw);
  return Array.from(
    output?.datatype === "FP64" ? new Float64Array(buffer) : new Float32Array(buffer),
  );
}

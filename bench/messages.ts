import { create, toBinary } from "@bufbuild/protobuf";
import { ModelInferRequestSchema } from "../gen/inference/inference_pb.ts";
import { frameOf } from "./load/grpc-connection.ts";

export interface InferCall {
  readonly model: string;
  /** Shape of the one input "x", which is FP32. */
  readonly shape: readonly number[];
  /** raw_input_contents, or fp32_contents. */
  readonly form: "raw" | "typed";
}

/** What every request holds: numbers between 0 and 1. */
export function inferElements(shape: readonly number[]): Float32Array {
  const count = shape.reduce((product, size) => product * size, 1);
  return Float32Array.from({ length: count }, (_, index) => (index % 251) / 251);
}

/** A ModelInfer request in its gRPC frame. */
export function inferFrame({ model, shape, form }: InferCall): Buffer {
  const elements = inferElements(shape);
  const tensor = { name: "x", datatype: "FP32", shape: shape.map(BigInt) };
  const request =
    form === "raw"
      ? { inputs: [tensor], rawInputContents: [new Uint8Array(elements.buffer)] }
      : { inputs: [{ ...tensor, contents: { fp32Contents: [...elements] } }] };
  const message = create(ModelInferRequestSchema, { modelName: model, id: "1", ...request });
  return frameOf(toBinary(ModelInferRequestSchema, message));
}

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { ModelInferResponseSchema } from "../../gen/inference/inference_pb.ts";
import {
  LoadModelRequestSchema,
  PredictModelSizeRequestSchema,
  UnloadModelRequestSchema,
} from "../../gen/mmesh/model-runtime_pb.ts";
import { ProtobufWriter } from "../support/models/protobuf-writer.ts";

export interface RawInput {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
  readonly raw: Uint8Array;
}

/** A ModelInferRequest with raw contents. */
export function inferMessage(model: string, inputs: readonly RawInput[]): Uint8Array {
  const writer = new ProtobufWriter().text(1, model);
  for (const { name, datatype, shape } of inputs) {
    writer.message(5, new ProtobufWriter().text(1, name).text(2, datatype).integers(3, shape));
  }
  for (const { raw } of inputs) writer.bytes(7, raw);
  return writer.finish();
}

/** The same with one input "x" of FP32, all zeros. */
export function zeros(model: string, shape: readonly number[]): Uint8Array {
  const raw = new Uint8Array(4 * shape.reduce((product, size) => product * size, 1));
  return inferMessage(model, [{ name: "x", datatype: "FP32", shape, raw }]);
}

/** What is wrong with an answer that should have one output of so many bytes. */
export function outputOf(bytes: number): (message: Buffer) => string | undefined {
  return (message) => {
    const { rawOutputContents } = fromBinary(ModelInferResponseSchema, message);
    const sizes = rawOutputContents.map(({ byteLength }) => byteLength);
    return sizes.length === 1 && sizes[0] === bytes
      ? undefined
      : `outputs of ${sizes} bytes, expected ${bytes}`;
  };
}

const runtime = "/mmesh.ModelRuntime";

export function loadCall(modelId: string, modelPath: string, modelKey = "") {
  const request = create(LoadModelRequestSchema, {
    modelId,
    modelPath,
    modelKey,
    modelType: "onnx",
  });
  return { path: `${runtime}/loadModel`, message: toBinary(LoadModelRequestSchema, request) };
}

export function unloadCall(modelId: string) {
  const request = create(UnloadModelRequestSchema, { modelId });
  return { path: `${runtime}/unloadModel`, message: toBinary(UnloadModelRequestSchema, request) };
}

export function predictCall(modelPath: string) {
  const request = create(PredictModelSizeRequestSchema, {
    modelId: "p",
    modelPath,
    modelType: "onnx",
  });
  const message = toBinary(PredictModelSizeRequestSchema, request);
  return { path: `${runtime}/predictModelSize`, message };
}

/** A request of REST for the model that gives back its one row. */
export function identityJson(data: readonly number[]): Buffer {
  const shape = [1, data.length];
  return Buffer.from(JSON.stringify({ inputs: [{ name: "x", datatype: "FP32", shape, data }] }));
}

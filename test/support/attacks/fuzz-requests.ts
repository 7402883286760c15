import { create, fromJson, type JsonValue, toBinary, toJson } from "@bufbuild/protobuf";
import {
  type ModelInferRequest,
  ModelInferRequestSchema,
} from "../../../gen/inference/inference_pb.ts";
import { identity, twoInputsTwoOutputs } from "../models/simple-models.ts";
import { packElements } from "../models/tensor-elements.ts";
import { mutateBytes, mutateJson, type Random } from "./mutate.ts";

/** The models that the requests are for, by their ids. */
export const fuzzModels: Readonly<Record<string, Uint8Array>> = {
  two: twoInputsTwoOutputs(),
  words: identity("BYTES"),
  longs: identity("INT64"),
};

const a = { name: "a", datatype: "FP32", shape: ["1", "3"] };
const b = { name: "b", datatype: "FP32", shape: ["1", "3"] };
const three = Buffer.from(packElements("FP32", [1, 2.5, -3]));
const words = Buffer.from(packElements("BYTES", ["", "zwölf", "x".repeat(20)]));
const timeout = { int64Param: "30000000" };

/** Valid requests, in the JSON of protobuf. */
export const validRequests: readonly [JsonValue, ...JsonValue[]] = [
  {
    modelName: "two",
    id: "1",
    parameters: { timeout, priority: { uint64Param: "3" } },
    inputs: [
      { ...a, contents: { fp32Contents: [1, 2, 3] } },
      { ...b, contents: { fp32Contents: [0.5, -1, 0] } },
    ],
    outputs: [{ name: "difference" }],
  },
  {
    modelName: "two",
    inputs: [a, b],
    rawInputContents: [three.toString("base64"), three.toString("base64")],
  },
  {
    modelName: "words",
    inputs: [{ name: "x", datatype: "BYTES", shape: ["3", "1"] }],
    rawInputContents: [words.toString("base64")],
  },
  {
    modelName: "longs",
    inputs: [
      {
        name: "x",
        datatype: "INT64",
        shape: ["2", "1"],
        contents: { int64Contents: ["-9223372036854775808", "9007199254740993"] },
      },
    ],
  },
];

/** Valid requests of REST: JSON, and the bytes behind it. */
export interface RestRequest {
  readonly path: string;
  readonly json: unknown;
  readonly blobs: readonly Buffer[];
}

export const validRestRequests: readonly [RestRequest, ...RestRequest[]] = [
  {
    path: "/v2/models/two/infer",
    json: {
      id: "1",
      parameters: { timeout: 30_000_000, priority: 3 },
      inputs: [
        { name: "a", datatype: "FP32", shape: [1, 3], data: [1, 2, 3] },
        { name: "b", datatype: "FP32", shape: [1, 3], data: [[0.5, -1, 0]] },
      ],
      outputs: [{ name: "difference", parameters: { binary_data: true } }, { name: "sum" }],
    },
    blobs: [],
  },
  {
    path: "/v2/models/two/infer",
    json: {
      parameters: { binary_data_output: true },
      inputs: [
        { name: "a", datatype: "FP32", shape: [1, 3], parameters: { binary_data_size: 12 } },
        { name: "b", datatype: "FP32", shape: [1, 3], parameters: { binary_data_size: 12 } },
      ],
    },
    blobs: [three, three],
  },
  {
    path: "/v2/models/words/infer",
    json: {
      inputs: [
        {
          name: "x",
          datatype: "BYTES",
          shape: [2, 1],
          parameters: { content_type: "base64" },
          data: ["enc=", ""],
        },
      ],
    },
    blobs: [],
  },
  {
    path: "/v2/models/longs/infer",
    json: { inputs: [{ name: "x", datatype: "INT64", shape: [1, 2], data: [-5, 2 ** 53] }] },
    blobs: [],
  },
];

/** As it goes over the wire. `head`: what stands for the JSON. */
export function restCall(
  { path, json, blobs }: RestRequest,
  head: Uint8Array = Buffer.from(JSON.stringify(json)),
): { path: string; headers: Record<string, string>; body: Buffer<ArrayBuffer> } {
  const headers: Record<string, string> =
    blobs.length === 0 ? {} : { "inference-header-content-length": String(head.length) };
  return { path, headers, body: Buffer.concat([head, ...blobs]) };
}

/** A valid request as protobuf. */
export function validMessage(random: Random): Uint8Array {
  return encodeRequest(random.pick(validRequests));
}

/** Protobuf whose bytes are damaged: seldom a message still. */
export function damagedMessage(random: Random): Buffer<ArrayBuffer> {
  return mutateBytes(validMessage(random), random);
}

/** Protobuf that is sound, of a request with wrong fields. */
export function wrongMessage(random: Random): Uint8Array {
  return toBinary(ModelInferRequestSchema, wrongRequest(random));
}

function encodeRequest(request: JsonValue): Uint8Array {
  return toBinary(ModelInferRequestSchema, fromJson(ModelInferRequestSchema, request));
}

/** Mutates until the result is still a message: what is not can only be sent as JSON. */
function wrongRequest(random: Random): ModelInferRequest {
  for (let attempt = 0; attempt < 50; attempt++) {
    try {
      const mutated = mutateJson(random.pick(validRequests), random) as JsonValue;
      const message = fromJson(ModelInferRequestSchema, mutated, { ignoreUnknownFields: true });
      toJson(ModelInferRequestSchema, message);
      return message;
    } catch {}
  }
  return create(ModelInferRequestSchema);
}

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { create, toJsonString } from "@bufbuild/protobuf";
import { ModelInferResponseSchema } from "../../../../gen/inference/inference_pb.ts";
import { type Datatype, elementBytes, type Tensor } from "../../../../src/base/tensor.ts";
import type { InferAnswer } from "../../../../src/rpc/codec/infer-message.ts";
import { encodeInference } from "../../../../src/rpc/codec/tensor-codec.ts";
import { JsonAnswer } from "../../../../src/rpc/large/json-answer.ts";

/** Numbers of all kinds, NaN among them. */
function numbers(datatype: Datatype, count: number): Tensor {
  const data = Buffer.alloc(count * (elementBytes[datatype] ?? 1));
  for (let at = 0; at < data.length; at++) data[at] = (at * 167 + (at >> 8)) % 256;
  if (datatype === "BOOL") for (let at = 0; at < data.length; at++) data[at] = at % 2;
  return { name: `some ${datatype}`, datatype, shape: [1, count], data };
}

function strings(...contents: readonly Buffer[]): Tensor {
  const pieces = contents.flatMap((content) => {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(content.length);
    return [length, content];
  });
  return { name: "text", datatype: "BYTES", shape: [contents.length], data: Buffer.concat(pieces) };
}

async function written(answer: JsonAnswer): Promise<string> {
  const slices: Buffer[] = [];
  for await (const slice of answer.slices()) slices.push(slice);
  return Buffer.concat(slices).toString();
}

const mixed = strings(
  Buffer.alloc(300_001, "a"),
  Buffer.from("ü"),
  Buffer.alloc(0),
  Buffer.alloc(200_000, 255),
);
const answers: Readonly<Record<string, Partial<InferAnswer> & Pick<InferAnswer, "outputs">>> = {
  "raw tensors": { outputs: [numbers("FP32", 100_001), mixed, numbers("UINT8", 0)] },
  "nothing but outputs": {
    modelName: "",
    modelVersion: "",
    id: "",
    outputs: [numbers("INT8", 20_000)],
  },
  "typed strings": {
    form: "typed",
    outputs: [mixed, strings(...new Array<Buffer>(9_000).fill(Buffer.from("abcd")))],
  },
  "a tensor without a typed form": { form: "typed", outputs: [numbers("FP16", 50_000), mixed] },
  ...Object.fromEntries(
    (
      [
        "BOOL",
        "INT8",
        "INT16",
        "INT32",
        "INT64",
        "UINT8",
        "UINT16",
        "UINT32",
        "UINT64",
        "FP32",
        "FP64",
      ] as const
    ).map((datatype) => [
      `typed ${datatype}`,
      { form: "typed" as const, outputs: [numbers(datatype, 20_000), numbers(datatype, 3)] },
    ]),
  ),
};

describe("a large ModelInferResponse in JSON", () => {
  for (const [what, given] of Object.entries(answers)) {
    it(`is what protobuf-es writes: ${what}`, async () => {
      const answer: InferAnswer = {
        modelName: "m",
        modelVersion: "2",
        id: 'an "id"',
        form: "raw",
        ...given,
      };
      const { outputs, form, ...head } = answer;
      const message = create(ModelInferResponseSchema, {
        ...head,
        ...encodeInference(outputs, form),
      });
      const json = new JsonAnswer(answer);
      const text = await written(json);
      assert.equal(text, toJsonString(ModelInferResponseSchema, message));
      assert.ok([undefined, Buffer.byteLength(text)].includes(json.sizeBytes));
    });
  }
});

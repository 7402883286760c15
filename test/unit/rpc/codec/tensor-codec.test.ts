import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  InferTensorContentsSchema,
  type ModelInferRequest_InferInputTensorSchema,
  ModelInferRequestSchema,
  ModelInferResponseSchema,
} from "../../../../gen/inference/inference_pb.ts";
import type { Datatype, Tensor } from "../../../../src/base/tensor.ts";
import { decodeInference, encodeInference } from "../../../../src/rpc/codec/tensor-codec.ts";

type Request = MessageInitShape<typeof ModelInferRequestSchema>;
type Input = MessageInitShape<typeof ModelInferRequest_InferInputTensorSchema>;
type Contents = MessageInitShape<typeof InferTensorContentsSchema>;

/** Decodes what went over the wire, so that the message is laid out as in production. */
function decode(request: Request) {
  const bytes = toBinary(ModelInferRequestSchema, create(ModelInferRequestSchema, request));
  return decodeInference(fromBinary(ModelInferRequestSchema, bytes), "m");
}

function decodeOne(input: Input): Uint8Array {
  const tensor = decode({ inputs: [{ name: "x", ...input }] }).inference.inputs[0];
  assert.ok(tensor);
  return tensor.data;
}

function refuses(request: Request, message: string): void {
  assert.throws(() => decode(request), { kind: "invalid-argument", message });
}

const bytesOf = (array: NodeJS.TypedArray) =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

interface Sample {
  readonly datatype: Datatype;
  readonly contents: Contents;
  readonly data: Uint8Array;
}

// Smallest, largest and odd values of every datatype that has a typed form; two elements each.
const samples: readonly Sample[] = [
  { datatype: "BOOL", contents: { boolContents: [true, false] }, data: Uint8Array.of(1, 0) },
  {
    datatype: "INT8",
    contents: { intContents: [-128, 127] },
    data: bytesOf(Int8Array.of(-128, 127)),
  },
  {
    datatype: "INT16",
    contents: { intContents: [-32768, 32767] },
    data: bytesOf(Int16Array.of(-32768, 32767)),
  },
  {
    datatype: "INT32",
    contents: { intContents: [-(2 ** 31), 2 ** 31 - 1] },
    data: bytesOf(Int32Array.of(-(2 ** 31), 2 ** 31 - 1)),
  },
  {
    datatype: "INT64",
    contents: { int64Contents: [-(2n ** 63n), 2n ** 63n - 1n] },
    data: bytesOf(BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n)),
  },
  { datatype: "UINT8", contents: { uintContents: [0, 255] }, data: Uint8Array.of(0, 255) },
  {
    datatype: "UINT16",
    contents: { uintContents: [0, 65535] },
    data: bytesOf(Uint16Array.of(0, 65535)),
  },
  {
    datatype: "UINT32",
    contents: { uintContents: [1, 2 ** 32 - 1] },
    data: bytesOf(Uint32Array.of(1, 2 ** 32 - 1)),
  },
  {
    datatype: "UINT64",
    contents: { uint64Contents: [1n, 2n ** 64n - 1n] },
    data: bytesOf(BigUint64Array.of(1n, 2n ** 64n - 1n)),
  },
  {
    datatype: "FP32",
    contents: { fp32Contents: [Number.NaN, -0.5] },
    data: bytesOf(Float32Array.of(Number.NaN, -0.5)),
  },
  {
    datatype: "FP64",
    contents: { fp64Contents: [-Infinity, 0.1] },
    data: bytesOf(Float64Array.of(-Infinity, 0.1)),
  },
  {
    datatype: "BYTES",
    contents: { bytesContents: [Uint8Array.of(97, 98), new Uint8Array(0)] },
    data: Uint8Array.of(2, 0, 0, 0, 97, 98, 0, 0, 0, 0),
  },
];

describe("tensors in typed form", () => {
  for (const { datatype, contents, data } of samples) {
    it(`become little-endian bytes, and back, for ${datatype}`, () => {
      assert.deepEqual(decodeOne({ datatype, shape: [2n], contents }), data);
      // At an odd offset, as a tensor inside of a frame may be.
      const frame = new Uint8Array(data.length + 1);
      frame.set(data, 1);
      for (const piece of [frame.subarray(1), Buffer.from(frame.buffer, 1)]) {
        const tensor: Tensor = { name: "y", datatype, shape: [2], data: piece };
        const { outputs, rawOutputContents } = encodeInference([tensor], "typed");
        const response = create(ModelInferResponseSchema, { outputs, rawOutputContents });
        const answered = response.outputs[0]?.contents;
        assert.ok(answered);
        assert.deepEqual(
          toBinary(InferTensorContentsSchema, answered),
          toBinary(InferTensorContentsSchema, create(InferTensorContentsSchema, contents)),
        );
        assert.deepEqual(response.rawOutputContents, []);
      }
    });
  }

  it("are refused for FP16 and BF16, which have none", () => {
    for (const datatype of ["FP16", "BF16"]) {
      refuses(
        { inputs: [{ name: "x", datatype, shape: [1n], contents: { fp32Contents: [1] } }] },
        `input 'x' for model 'm': ${datatype} has no field in contents: send it in raw_input_contents`,
      );
    }
  });

  it("are refused where a narrow integer does not fit", () => {
    const cases: [Datatype, Contents, string][] = [
      ["INT8", { intContents: [0, 128] }, "element 1 is 128, which is not an INT8"],
      ["INT8", { intContents: [-129, 0] }, "element 0 is -129, which is not an INT8"],
      ["INT16", { intContents: [0, 40000] }, "element 1 is 40000, which is not an INT16"],
      ["UINT8", { uintContents: [0, 256] }, "element 1 is 256, which is not a UINT8"],
      ["UINT16", { uintContents: [65536, 0] }, "element 0 is 65536, which is not a UINT16"],
    ];
    for (const [datatype, contents, text] of cases) {
      const inputs = [{ name: "x", datatype, shape: [2n], contents }];
      refuses({ inputs }, `input 'x' for model 'm': ${text}`);
    }
  });

  it("are refused in the field of another datatype", () => {
    const contents = { intContents: [1] };
    refuses(
      { inputs: [{ name: "x", datatype: "FP32", shape: [1n], contents }] },
      "input 'x' for model 'm' has elements in int_contents, but FP32 belongs in fp32_contents",
    );
  });

  it("are refused with another number of elements than the shape has", () => {
    const tooMany = { name: "x", datatype: "FP32", shape: [], contents: { fp32Contents: [1, 2] } };
    refuses(
      { inputs: [tooMany] },
      "input 'x' for model 'm' has 2 elements in fp32_contents, expected 1 for its shape",
    );
    refuses(
      { inputs: [{ name: "x", datatype: "BYTES", shape: [3n] }] },
      "input 'x' for model 'm' has 0 elements in bytes_contents, expected 3 for its shape",
    );
  });

  it("may be empty, with or without contents", () => {
    for (const contents of [undefined, {}]) {
      const input = { datatype: "INT64", shape: [0n, 5n] };
      const data = decodeOne(contents === undefined ? input : { ...input, contents });
      assert.equal(data.length, 0);
    }
  });

  it("are scalars where the shape has no dimension", () => {
    const contents = { fp32Contents: [2.5] };
    const data = decodeOne({ datatype: "FP32", shape: [], contents });
    assert.deepEqual(data, bytesOf(Float32Array.of(2.5)));
  });
});

describe("tensors in raw form", () => {
  const input = { name: "x", datatype: "FP16", shape: [2n] };
  const data = Uint8Array.of(0, 0x3c, 0, 0x40);

  it("are views into the message, not copies", () => {
    const request = create(ModelInferRequestSchema, { inputs: [input], rawInputContents: [data] });
    const bytes = toBinary(ModelInferRequestSchema, request);
    const decoded = decodeInference(fromBinary(ModelInferRequestSchema, bytes), "m");
    assert.equal(decoded.form, "raw");
    const tensor = decoded.inference.inputs[0];
    assert.deepEqual(tensor, { name: "x", datatype: "FP16", shape: [2], data: tensor?.data });
    assert.deepEqual(tensor?.data, data);
    assert.equal(tensor?.data.buffer, bytes.buffer);
  });

  it("need one entry for each input", () => {
    refuses(
      { inputs: [input], rawInputContents: [data, data] },
      "model 'm' got 1 inputs, but 2 entries in raw_input_contents",
    );
    refuses(
      { inputs: [], rawInputContents: [data] },
      "model 'm' got 0 inputs, but 1 entries in raw_input_contents",
    );
  });

  it("exclude contents, but for a message without elements", () => {
    const contents = { fp32Contents: [1, 2] };
    refuses(
      { inputs: [{ ...input, contents }], rawInputContents: [data] },
      "input 'x' for model 'm' must not have contents when raw_input_contents is used",
    );
    const empty = decode({ inputs: [{ ...input, contents: {} }], rawInputContents: [data] });
    assert.equal(empty.form, "raw");
  });

  it("are answered raw", () => {
    const tensor: Tensor = { name: "y", datatype: "FP32", shape: [1], data: data };
    const { outputs, rawOutputContents } = encodeInference([tensor], "raw");
    assert.deepEqual(outputs, [{ name: "y", datatype: "FP32", shape: [1n] }]);
    assert.equal(rawOutputContents[0], data);
  });

  it("are the answer to typed ones if one output has no typed form", () => {
    const half: Tensor = { name: "h", datatype: "FP16", shape: [2], data };
    const full: Tensor = { name: "f", datatype: "FP32", shape: [1], data };
    const { outputs, rawOutputContents } = encodeInference([full, half], "typed");
    assert.equal(rawOutputContents.length, 2);
    assert.ok(outputs.every(({ contents }) => contents === undefined));
  });
});

describe("a request for inference", () => {
  it("is refused if it names a datatype that does not exist", () => {
    for (const datatype of ["", "FLOAT", "fp32", "toString"]) {
      refuses(
        { inputs: [{ name: "x", datatype, shape: [1n] }] },
        `input 'x' for model 'm' has datatype '${datatype}', which is not a datatype of the Open Inference Protocol`,
      );
    }
  });

  it("is refused if a shape is negative or beyond counting, in either form", () => {
    for (const shape of [[-1n], [2n ** 62n], [2n ** 40n, 2n ** 40n], [3n, -(2n ** 63n)]]) {
      const inputs = [{ name: "x", datatype: "FP32", shape }];
      const about = /^input 'x' for model 'm' has shape \[/;
      for (const rawInputContents of [[], [new Uint8Array(4)]]) {
        assert.throws(() => decode({ inputs, rawInputContents }), {
          kind: "invalid-argument",
          message: about,
        });
      }
    }
  });

  it("is refused if it names an input or an output twice", () => {
    const input = { name: "x", datatype: "FP32", shape: [0n] };
    refuses({ inputs: [input, input] }, "'x' is named twice as an input of model 'm'");
    const outputs = [{ name: "a" }, { name: "b" }, { name: "a" }];
    refuses({ outputs }, "'a' is named twice as an output of model 'm'");
  });

  it("may have no tensors; the model decides, and the answer is raw, as Triton's is", () => {
    assert.deepEqual(decode({}), {
      inference: { version: "", inputs: [], outputs: [] },
      form: "raw",
    });
  });

  it("keeps the order of inputs and outputs", () => {
    const input = (name: string) => ({ name, datatype: "FP32", shape: [0n] });
    const { inference } = decode({
      inputs: [input("b"), input("a")],
      outputs: [{ name: "z" }, { name: "y" }],
    });
    assert.deepEqual(
      inference.inputs.map(({ name }) => name),
      ["b", "a"],
    );
    assert.deepEqual(inference.outputs, ["z", "y"]);
  });
});

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import fc from "fast-check";
import {
  type ModelInferRequest,
  ModelInferRequestSchema,
  ModelInferResponseSchema,
} from "../../../../gen/inference/inference_pb.ts";
import type { Tensor } from "../../../../src/base/tensor.ts";
import {
  type InferMessage,
  PackedStrings,
  type TypedContents,
} from "../../../../src/rpc/codec/infer-message.ts";
import {
  decodeInferRequest,
  decodeRegularRequest,
} from "../../../../src/rpc/codec/infer-request-decoder.ts";
import { encodeInferResponse } from "../../../../src/rpc/codec/infer-response-encoder.ts";
import { encodeInference } from "../../../../src/rpc/codec/tensor-codec.ts";
import { hasTypedForm } from "../../../../src/rpc/codec/tensor-contents.ts";
import { fuzzSeed } from "../../../support/attacks/fuzz-run.ts";
import { mutateBytes, Random } from "../../../support/attacks/mutate.ts";
import { allDatatypes, randomTensors } from "../../../support/models/random-tensor.ts";

const seed = fuzzSeed(process.env["MODELPORT_FUZZ_SEED"]);

// Messages are made field by field, so that they come in any order, in parts, packed or not, with fields
// that nobody knows and with numbers longer than they need be.

type Field = (writer: BinaryWriter) => void;

const text = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 40 }),
  fc.constantFrom("", "x", "FP32"),
);
const int64 = fc.oneof(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), fc.bigInt(0n, 300n));
const uint64 = fc.bigInt(0n, 2n ** 64n - 1n);
const int32 = fc.oneof(fc.integer(), fc.integer({ min: -3, max: 300 }));
const uint32 = fc.nat({ max: 2 ** 32 - 1 });
const bytes = fc.uint8Array({ maxLength: 30 });

function stringField(number: number): fc.Arbitrary<Field> {
  return text.map(
    (value) => (writer) => writer.tag(number, WireType.LengthDelimited).string(value),
  );
}

function bytesField(number: number): fc.Arbitrary<Field> {
  return bytes.map(
    (value) => (writer) => writer.tag(number, WireType.LengthDelimited).bytes(value),
  );
}

function message(number: number, fields: fc.Arbitrary<Field[]>): fc.Arbitrary<Field> {
  return fields.map((all) => (writer) => {
    writer.tag(number, WireType.LengthDelimited).fork();
    for (const field of all) field(writer);
    writer.join();
  });
}

function packed<Value>(
  number: number,
  values: fc.Arbitrary<Value>,
  write: (writer: BinaryWriter, value: Value) => void,
): fc.Arbitrary<Field> {
  return fc.array(values, { maxLength: 12 }).map((all) => (writer) => {
    writer.tag(number, WireType.LengthDelimited).fork();
    for (const value of all) write(writer, value);
    writer.join();
  });
}

function single<Value>(
  number: number,
  [values, type]: readonly [fc.Arbitrary<Value>, WireType],
  write: (writer: BinaryWriter, value: Value) => void,
): fc.Arbitrary<Field> {
  return values.map((value) => (writer) => write(writer.tag(number, type), value));
}

const unknownField: fc.Arbitrary<Field> = fc.oneof(
  stringField(100),
  single(2000, [int64, WireType.Varint], (writer, value) => writer.int64(value)),
  single(30, [uint64, WireType.Bit64], (writer, value) => writer.fixed64(value)),
  single(31, [uint32, WireType.Bit32], (writer, value) => writer.fixed32(value)),
  fc.constant((writer: BinaryWriter) =>
    writer.tag(40, WireType.StartGroup).tag(40, WireType.EndGroup),
  ),
);

const parameter = message(
  4,
  fc.tuple(
    stringField(1),
    message(
      2,
      fc.array(
        fc.oneof(
          single(1, [fc.boolean(), WireType.Varint], (writer, value) => writer.bool(value)),
          single(2, [int64, WireType.Varint], (writer, value) => writer.int64(value)),
          stringField(3),
          single(4, [fc.double(), WireType.Bit64], (writer, value) => writer.double(value)),
          single(5, [uint64, WireType.Varint], (writer, value) => writer.uint64(value)),
        ),
        { maxLength: 2 },
      ),
    ),
  ),
);

const float = fc.float();
const packedContents = [
  packed(1, fc.boolean(), (writer, value) => writer.bool(value)),
  packed(2, int32, (writer, value) => writer.int32(value)),
  packed(3, int64, (writer, value) => writer.int64(value)),
  packed(4, uint32, (writer, value) => writer.uint32(value)),
  packed(5, uint64, (writer, value) => writer.uint64(value)),
  packed(6, float, (writer, value) => writer.float(value)),
  packed(7, fc.double(), (writer, value) => writer.double(value)),
];
const looseContents = [
  single(1, [fc.boolean(), WireType.Varint], (writer, value) => writer.bool(value)),
  single(2, [int32, WireType.Varint], (writer, value) => writer.int32(value)),
  single(3, [int64, WireType.Varint], (writer, value) => writer.int64(value)),
  single(6, [float, WireType.Bit32], (writer, value) => writer.float(value)),
  // Longer than it need be, but sound: 64 bits where 32 will do.
  packed(2, int64, (writer, value) => writer.int64(value)),
  packed(1, int64, (writer, value) => writer.int64(value)),
];

/** Each of `fields` at most once, in any order. */
function anyOf(fields: readonly fc.Arbitrary<Field>[]): fc.Arbitrary<Field[]> {
  return fc
    .subarray(fields.map((_, index) => index))
    .chain((chosen) =>
      fc.shuffledSubarray(chosen, { minLength: chosen.length, maxLength: chosen.length }),
    )
    .chain((chosen) => fc.tuple(...chosen.map((index) => fields[index] as fc.Arbitrary<Field>)));
}

function requests(contents: fc.Arbitrary<Field[]>, contentsCount: number) {
  const input = fc
    .tuple(
      anyOf([stringField(1), stringField(2), stringField(1)]),
      fc.array(
        fc.oneof(
          packed(3, int64, (writer, value) => writer.int64(value)),
          single(3, [int64, WireType.Varint], (writer, value) => writer.int64(value)),
          parameter,
        ),
        { maxLength: 3 },
      ),
      fc.array(message(5, contents), { maxLength: contentsCount }),
    )
    .map((parts) => parts.flat());
  const field = fc.oneof(
    stringField(1),
    stringField(2),
    stringField(3),
    parameter,
    message(5, input),
    message(6, fc.array(stringField(1), { maxLength: 2 })),
    bytesField(7),
  );
  return { field, input };
}

function toBytes(fields: readonly Field[]): Uint8Array {
  const writer = new BinaryWriter();
  for (const field of fields) field(writer);
  return writer.finish();
}

const regular = requests(
  fc
    .tuple(anyOf(packedContents), fc.array(bytesField(8), { maxLength: 3 }))
    .map((parts) => parts.flat()),
  1,
);
const irregular = requests(
  fc.array(fc.oneof(...packedContents, ...looseContents, bytesField(8), unknownField), {
    maxLength: 5,
  }),
  2,
);

function decodeGenerated(encoded: Uint8Array): ModelInferRequest {
  return fromBinary(ModelInferRequestSchema, encoded);
}

/** In plain values. Floats by their bits, so that every NaN and the sign of zero count. */
function comparable(message: InferMessage): unknown {
  const { modelName, modelVersion, id, parameters, inputs, outputs, rawInputContents } = message;
  return {
    ...{ modelName, modelVersion, id },
    parameters: comparableParameters(parameters),
    inputs: inputs.map(({ name, datatype, shape, parameters: own = {}, contents }) => ({
      ...{ name, datatype, shape: shape.map(Number), parameters: comparableParameters(own) },
      contents: contents === undefined ? undefined : comparableContents(contents),
    })),
    outputs: outputs.map(({ name }) => name),
    rawInputContents: rawInputContents.map((raw) => Buffer.from(raw).toString("hex")),
  };
}

function comparableParameters(parameters: InferMessage["parameters"]): unknown {
  return Object.entries(parameters).map(([key, { parameterChoice }]) => [key, parameterChoice]);
}

/** As tensors have them. */
function packStrings(strings: TypedContents["bytesContents"]): Uint8Array {
  if (strings instanceof PackedStrings) return strings.data;
  return Buffer.concat(
    strings.flatMap((each) => [new Uint8Array(Uint32Array.of(each.length).buffer), each]),
  );
}

function comparableContents(contents: TypedContents): unknown {
  return {
    bools: Array.from(contents.boolContents, Boolean),
    ints: Array.from(contents.intContents),
    int64s: Array.from(contents.int64Contents),
    uints: Array.from(contents.uintContents),
    uint64s: Array.from(contents.uint64Contents),
    fp32s: new Uint32Array(Float32Array.from(contents.fp32Contents).buffer),
    fp64s: new BigUint64Array(Float64Array.from(contents.fp64Contents).buffer),
    bytes: Buffer.from(packStrings(contents.bytesContents)).toString("hex"),
  };
}

describe(`our decoder of ModelInferRequest (seed ${seed})`, () => {
  it("reads all regular messages itself, and as protobuf-es does", () => {
    fc.assert(
      fc.property(fc.array(regular.field, { maxLength: 8 }), (fields) => {
        const encoded = toBytes(fields);
        const decoded = decodeRegularRequest(encoded);
        assert.ok(decoded !== undefined, "is not left to protobuf-es");
        assert.deepEqual(comparable(decoded), comparable(decodeGenerated(encoded)));
      }),
      { seed, numRuns: 1000 },
    );
  });

  it("agrees with protobuf-es on all others, by itself or with its help", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(irregular.field, unknownField), { maxLength: 8 }), (fields) => {
        const encoded = toBytes(fields);
        const decoded = comparable(decodeInferRequest(encoded));
        assert.deepEqual(decoded, comparable(decodeGenerated(encoded)));
      }),
      { seed, numRuns: 1000 },
    );
  });

  it("agrees with protobuf-es on broken messages, in what it reads and in what it throws", () => {
    const random = new Random(seed);
    const samples = fc.sample(
      fc.array(fc.oneof(regular.field, irregular.field), { maxLength: 6 }),
      {
        seed,
        numRuns: 100,
      },
    );
    let refused = 0;
    for (const fields of samples) {
      for (let round = 0; round < 50; round++) {
        const broken = new Uint8Array(mutateBytes(toBytes(fields), random));
        const mine = outcome(() => decodeInferRequest(broken));
        assert.deepEqual(
          mine,
          outcome(() => decodeGenerated(broken)),
          Buffer.from(broken).toString("hex"),
        );
        if (mine instanceof Error) refused++;
      }
    }
    assert.ok(refused > 100, "some are refused");
  });

  it("copies no raw tensor", () => {
    const request = create(ModelInferRequestSchema, { rawInputContents: [new Uint8Array(9)] });
    const encoded = toBinary(ModelInferRequestSchema, request);
    assert.equal(decodeRegularRequest(encoded)?.rawInputContents[0]?.buffer, encoded.buffer);
  });
});

function outcome(decode: () => InferMessage): unknown {
  try {
    return comparable(decode());
  } catch (reason) {
    return reason;
  }
}

describe(`our encoder of ModelInferResponse (seed ${seed})`, () => {
  const heads = fc.record({ modelName: text, modelVersion: text, id: text });

  for (const form of ["raw", "typed"] as const) {
    it(`writes the ${form} form byte by byte as protobuf-es does`, () => {
      const outputs = randomTensors({ datatypes: allDatatypes });
      fc.assert(
        fc.property(heads, outputs, (head, tensors) => {
          const expected = create(ModelInferResponseSchema, {
            ...head,
            ...encodeInference(tensors, form),
          });
          const message = toBinary(ModelInferResponseSchema, expected);
          const frame = Buffer.concat(encodeInferResponse({ ...head, outputs: tensors, form }));
          assert.equal(frame[0], 0);
          assert.equal(frame.readUInt32BE(1), message.length);
          assert.equal(frame.toString("hex", 5), Buffer.from(message).toString("hex"));
        }),
        { seed, numRuns: 500 },
      );
    });
  }

  it("does so for every typed datatype at the borders of its numbers", () => {
    for (const datatype of allDatatypes.filter(hasTypedForm)) {
      // As a number of JavaScript a NaN loses its payload, which our encoder keeps.
      if (datatype === "BYTES" || datatype === "FP32" || datatype === "FP64") continue;
      for (const byte of [0x00, 0x01, 0x7f, 0x80, 0xff]) {
        const data = new Uint8Array(24).map((_, index) =>
          index % 8 < 4 ? byte : byte ^ (index % 3),
        );
        const outputs: Tensor[] = [{ name: "y", datatype, shape: [1, 2 ** 40, 300], data }];
        const expected = create(ModelInferResponseSchema, encodeInference(outputs, "typed"));
        const frame = encodeInferResponse({
          modelName: "",
          modelVersion: "",
          id: "",
          outputs,
          form: "typed",
        });
        assert.deepEqual(
          Buffer.concat(frame).subarray(5),
          Buffer.from(toBinary(ModelInferResponseSchema, expected)),
          `${datatype} of ${byte}`,
        );
      }
    }
  });

  it("hands large tensors on as they are", () => {
    for (const form of ["raw", "typed"] as const) {
      const data = new Uint8Array(100_000);
      const outputs = [{ name: "y", datatype: "FP32" as const, shape: [25_000], data }];
      const frame = encodeInferResponse({
        modelName: "m",
        modelVersion: "",
        id: "",
        outputs,
        form,
      });
      assert.ok(frame.includes(data), form);
    }
  });
});

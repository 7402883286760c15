import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { create, fromJson, type JsonObject, toBinary } from "@bufbuild/protobuf";
import { StructSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { ModelInferRequestSchema } from "../../../../gen/inference/inference_pb.ts";
import { EnvelopedCounter } from "../../../../src/rpc/guard/enveloped-counter.ts";
import { JsonCounter } from "../../../../src/rpc/guard/json-counter.ts";
import type { MessageCounter } from "../../../../src/rpc/guard/message-cost.ts";
import { ProtobufCounter } from "../../../../src/rpc/guard/protobuf-counter.ts";
import { Random } from "../../../support/attacks/mutate.ts";
import { grpcFrame } from "../../../support/clients/raw-http.ts";
import { ProtobufWriter } from "../../../support/models/protobuf-writer.ts";

const MiB = 1024 * 1024;

const messageCounter = () => new ProtobufCounter(ModelInferRequestSchema);

/** Whether the counter refuses the bytes, however they are cut into pieces. */
function refuses(bytes: Uint8Array, newCounter: () => MessageCounter = messageCounter): boolean {
  const random = new Random(3);
  const outcomes = [bytes.length, 65_536, 1 + random.below(5_000), bytes.length < 9_000 ? 1 : 777];
  const all = outcomes.map((pieceBytes) => {
    const counter = newCounter();
    try {
      for (let at = 0; at < bytes.length; at += pieceBytes) {
        counter.push(bytes.subarray(at, at + pieceBytes));
      }
      return false;
    } catch (reason) {
      assert.ok(reason instanceof ConnectError && reason.code === Code.ResourceExhausted);
      return true;
    }
  });
  assert.equal(new Set(all).size, 1, "it does not matter how a message is cut");
  return all[0] === true;
}

const request = (parts: object) =>
  toBinary(ModelInferRequestSchema, create(ModelInferRequestSchema, parts));

const input = (contents: object) => ({ inputs: [{ name: "x", datatype: "INT32", contents }] });

/** `count` times the same bytes. */
function repeated(count: number, ...bytes: number[]): Buffer {
  return Buffer.alloc(count * bytes.length, Buffer.from(bytes));
}

/** As a field of this number. */
function field(number: number, content: Uint8Array): Buffer {
  return Buffer.from(new ProtobufWriter().bytes(number, content).finish());
}

describe("what a binary message costs", () => {
  const usual: [string, Uint8Array][] = [
    ["raw tensors of 60 MiB", request({ rawInputContents: [new Uint8Array(60 * MiB)] })],
    ["raw tensors that look like tags", request({ rawInputContents: [repeated(MiB, 0x22)] })],
    ["200,000 typed integers", request(input({ intContents: new Array(200_000).fill(300) }))],
    ["200,000 typed floats", request(input({ fp32Contents: new Array(200_000).fill(0.5) }))],
    [
      "a thousand strings",
      request(input({ bytesContents: new Array(1_000).fill(Buffer.alloc(9)) })),
    ],
    ["a hundred parameters", field(4, Buffer.alloc(0)).subarray(0, 2)],
    ["nothing", new Uint8Array(0)],
  ];
  for (const [what, bytes] of usual) {
    it(`is bearable for ${what}`, () => assert.equal(refuses(bytes), false));
  }

  const entry = field(
    4,
    Buffer.concat([field(1, Buffer.from("k")), field(2, Buffer.from([8, 1]))]),
  );
  const hostile: [string, Uint8Array][] = [
    ["4 MiB of parameters", repeated((4 * MiB) / entry.length, ...entry)],
    ["4 MiB of empty inputs", repeated(2 * MiB, 5 * 8 + 2, 0)],
    ["4 MiB of empty strings", field(5, field(5, repeated(2 * MiB, 8 * 8 + 2, 0)))],
    ["4 MiB of dimensions", field(5, field(3, Buffer.alloc(4 * MiB, 1)))],
    ["4 MiB of dimensions that are not packed", field(5, repeated(2 * MiB, 3 * 8, 1))],
    ["4 MiB of fields that nobody knows", repeated(2 * MiB, 12 * 8, 1)],
    ["4 MiB of typed floats", field(5, field(5, field(6, Buffer.alloc(4 * MiB))))],
    ["4 MiB of empty raw contents", repeated(2 * MiB, 7 * 8 + 2, 0)],
  ];
  for (const [what, bytes] of hostile) {
    it(`is too much for ${what}`, () => assert.equal(refuses(bytes), true));
  }

  it("is left to the decoder behind what is malformed, as long as little follows", () => {
    const junk = Buffer.concat([Buffer.from([7]), repeated(1_000, 5 * 8 + 2, 0)]);
    assert.equal(refuses(junk), false);
    const reachesOut = field(5, Buffer.from([10, 100, 65]));
    assert.equal(refuses(reachesOut), false);
  });
});

describe("a message that the counter cannot follow", () => {
  const behind = repeated(2 * MiB, 5 * 8 + 2, 0);
  const deep = (levels: number) => {
    let value: JsonObject = { a: 1 };
    for (let level = 0; level < levels; level++) value = { a: value };
    return toBinary(StructSchema, fromJson(StructSchema, value));
  };
  const malformed: [string, Uint8Array, RegExp][] = [
    ["a group, which the decoder skips", Buffer.from([12 * 8 + 3, 12 * 8 + 4]), /byte 0: .*type 3/],
    ["a type that nobody knows", Buffer.from([7]), /byte 0: .*type 7/],
    [
      "a tag cut off by the end of its message",
      Buffer.from([5 * 8 + 2, 1, 10]),
      /byte 3: .*beyond/,
    ],
    ["a number without an end", Buffer.alloc(11, 0xff), /byte 9: .*ten bytes/],
  ];
  for (const [what, bytes, message] of malformed) {
    it(`is refused if much follows: ${what}`, () => {
      const counter = messageCounter();
      counter.push(bytes);
      assert.throws(() => counter.push(behind), {
        rawMessage: message,
        code: Code.InvalidArgument,
      });
    });
  }

  it("is refused if much follows: Structs that are nested too deep for the decoder", () => {
    const counter = new ProtobufCounter(StructSchema);
    counter.push(deep(30));
    counter.push(deep(33));
    assert.throws(() => counter.push(behind), { rawMessage: /nested deeper than 100/ });
  });

  it("is not one that is nested as deep as the decoder follows", () => {
    const bytes = Buffer.concat([deep(30), repeated(MiB, 10, 0)]);
    assert.equal(
      refuses(bytes, () => new ProtobufCounter(StructSchema)),
      true,
    );
  });
});

describe("what JSON costs", () => {
  const newCounter = () => new JsonCounter();
  const text = (unit: string, bytes: number) => Buffer.alloc(bytes, unit);

  it("is bearable for texts with any letters, escaped or not", () => {
    const letters = '{"a": [1, 2]}, \\ "';
    const texts = JSON.stringify([letters.repeat(100_000), "\\", letters]);
    assert.equal(refuses(Buffer.from(texts), newCounter), false);
  });

  it("is too much for what follows a text that ends in escapes", () => {
    for (const start of ['["\\\\",', '["\\"",']) {
      assert.equal(refuses(Buffer.from(start + "0,".repeat(MiB)), newCounter), true);
    }
  });

  it("is bearable for base64 of any length and for a hundred thousand numbers", () => {
    assert.equal(refuses(Buffer.from(`["${"QUJD".repeat(5 * MiB)}"]`), newCounter), false);
    assert.equal(refuses(text("0.1234,", 700_000), newCounter), false);
  });

  for (const unit of ["{},", "0,", '"",', "[],", '"a":1,']) {
    it(`is too much for 2 MiB of ${unit}`, () => {
      assert.equal(refuses(text(unit, 2 * MiB), newCounter), true);
    });
  }
});

describe("what the messages of a stream cost", () => {
  const newCounter = () => new EnvelopedCounter(messageCounter, true);
  const usual = grpcFrame(request(input({ intContents: new Array(200_000).fill(3) })));

  it("counts for each by itself", () => {
    assert.equal(refuses(Buffer.concat(new Array(9).fill(usual)), newCounter), false);
    const empty = grpcFrame(new Uint8Array(0));
    assert.equal(refuses(Buffer.concat(new Array(1_000).fill(empty)), newCounter), false);
    const hostile = grpcFrame(repeated(2 * MiB, 5 * 8 + 2, 0));
    assert.equal(refuses(Buffer.concat([usual, empty, hostile]), newCounter), true);
  });

  it("is not told of compressed ones", () => {
    const compressed = grpcFrame(repeated(2 * MiB, 5 * 8 + 2, 0));
    compressed[0] = 1;
    assert.equal(refuses(Buffer.concat([compressed, usual]), newCounter), false);
  });

  it("is refused where one starts with flags that nobody knows", () => {
    const bytes = grpcFrame(new Uint8Array(3), 2);
    assert.throws(() => newCounter().push(bytes), { message: /flags 2, expected 0/ });
  });
});

describe("a text in a request for an inference", () => {
  const texts: Readonly<Record<string, (text: string) => object>> = {
    model_name: (modelName) => ({ modelName }),
    id: (id) => ({ id }),
    name: (name) => ({ inputs: [{ name }] }),
    datatype: (datatype) => ({ inputs: [{ datatype }] }),
    string_param: (value) => ({
      parameters: { k: { parameterChoice: { case: "stringParam", value } } },
    }),
  };
  for (const [field, parts] of Object.entries(texts)) {
    it(`is refused by its name if it is longer than 64 KiB, before all of it is there: ${field}`, () => {
      messageCounter().push(request(parts("a".repeat(65_536))));
      const start = request(parts("a".repeat(100_000))).subarray(0, 66_000);
      const expected = `${field} has 100000 bytes, expected at most 65536: only tensors may be longer`;
      assert.throws(() => messageCounter().push(start), {
        rawMessage: expected,
        code: Code.InvalidArgument,
      });
    });
  }
});

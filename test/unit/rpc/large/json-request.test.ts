import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fromJsonString } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { ModelInferRequestSchema } from "../../../../gen/inference/inference_pb.ts";
import { type InferMessage, PackedStrings } from "../../../../src/rpc/codec/infer-message.ts";
import { decodeInference } from "../../../../src/rpc/codec/tensor-codec.ts";
import { decodeJsonRequest } from "../../../../src/rpc/large/json-request.ts";

const decode = (text: string) => decodeJsonRequest(Buffer.from(text), undefined);
const whole = (text: string): InferMessage =>
  fromJsonString(ModelInferRequestSchema, text, { ignoreUnknownFields: true });

/** Bytes that repeat after 251 of them. */
const bytesOf = (count: number) => Buffer.from(Array.from({ length: count }, (_, at) => at % 251));
const input = (datatype: string, rest = "") =>
  `{"name":"x","datatype":"${datatype}","shape":["1"]${rest}}`;

/** Long in different ways: base64 of one, two and no letters of padding, over one and several pieces. */
const contents = [3, 257, 1_000, 300_000, 700_001, 700_002].map(bytesOf);
const spellings: Readonly<Record<string, (base64: string) => string>> = {
  "as it is": (base64) => base64,
  "without padding": (base64) => base64.replace(/=+$/, ""),
  "in the letters of URLs": (base64) => base64.replaceAll("+", "-").replaceAll("/", "_"),
  "with escaped slashes": (base64) => base64.replaceAll("/", "\\/"),
  "with letters as numbers": (base64) => base64.replaceAll("/", "\\u002f"),
  "in lines": (base64) => base64.replaceAll(/.{76}/g, "$&\\r\\n"),
  "with a line's end at the end": (base64) => `${base64}\\n `,
};

describe("a large ModelInferRequest in JSON", () => {
  for (const [how, spell] of Object.entries(spellings)) {
    it(`reads base64 ${how} as protobuf-es does`, async () => {
      for (const content of contents) {
        const base64 = spell(content.toString("base64"));
        const raw = await decode(`{"inputs":[${input("FP32")}],"rawInputContents":["${base64}"]}`);
        assert.deepEqual(
          raw.rawInputContents.map((each) => Buffer.from(each)),
          [content],
        );
        const typed = `{"inputs":[${input("BYTES", `,"contents":{"bytes_contents":["${base64}"]}`)}]}`;
        const { inference } = decodeInference(await decode(typed), "m");
        const expected = decodeInference(whole(typed), "m").inference;
        assert.deepEqual(
          inference.inputs.map(({ data }) => Buffer.from(data)),
          expected.inputs.map(({ data }) => Buffer.from(data)),
        );
      }
    });
  }

  it("reads everything else as protobuf-es does", async () => {
    const long = 'ü\\u00fc\\"\\\\'.repeat(100);
    const text = `{"model_name":"${long}","modelVersion":"1","id":"${long}","unknown":["${long}"],
      "parameters":{"${long}":{"stringParam":"${long}"},"b":{"int64Param":"12"}},
      "inputs":[{"name":"${long}","datatype":"INT64","shape":[2],"contents":{"int64Contents":["1",2]}}],
      "outputs":[{"name":"y","parameters":{"classification":{"int64Param":3}}}]}`;
    const { rawInputContents, inputs, ...others } = await decode(text);
    const expected = whole(text);
    assert.deepEqual(rawInputContents, []);
    assert.deepEqual(inputs, expected.inputs);
    const { modelName, modelVersion, id, parameters, outputs } = expected;
    assert.deepEqual(others, { modelName, modelVersion, id, parameters, outputs });
  });

  it("keeps many short strings in their order", async () => {
    const strings = Array.from({ length: 2_000 }, (_, at) => bytesOf(at));
    const list = strings.map((each) => `"${each.toString("base64")}"`).join();
    const message = await decode(
      `{"inputs":[${input("BYTES", `,"contents":{"bytesContents":[${list}]}`)}]}`,
    );
    const packed = message.inputs[0]?.contents?.bytesContents;
    assert.ok(packed instanceof PackedStrings);
    assert.equal(packed.length, strings.length);
    const expected = strings.flatMap((each) => {
      const length = Buffer.alloc(4);
      length.writeUInt32LE(each.length);
      return [length, each];
    });
    assert.deepEqual(Buffer.from(packed.data), Buffer.concat(expected));
  });

  const base64 = bytesOf(400_000).toString("base64");
  const refusals: Readonly<Record<string, readonly [text: string, message: RegExp]>> = {
    "letters that are no base64": [
      `{"rawInputContents":["${base64}!${base64}"]}`,
      /raw_input_contents.*invalid base64/,
    ],
    "half a byte": [`{"rawInputContents":["${base64.replace(/=+$/, "")}abc"]}`, /./],
    "a list of numbers": [
      `{"id":"${base64.slice(0, 300)}","rawInputContents":[1]}`,
      /raw_input_contents/,
    ],
    "a long id": [`{"id":"${base64}"}`, /^id has 533336 bytes, expected at most 65536/],
    "a long name of an input": [
      `{"inputs":[{"name":"${base64}"}]}`,
      /^inputs\.0\.name has 533336 bytes/,
    ],
    "a long key": [`{"parameters":{"${base64}":{}}}`, /^a key of the message has 533336 bytes/],
    "a string without an end": [
      `{"rawInputContents":["${base64}`,
      /cannot decode message inference.ModelInferRequest from JSON/,
    ],
    "no object": [`["${base64}"]`, /cannot decode message inference.ModelInferRequest from JSON/],
  };
  for (const [what, [text, message]] of Object.entries(refusals)) {
    it(`refuses ${what}`, async () => {
      await assert.rejects(decode(text), (reason) => {
        assert.ok(reason instanceof ConnectError);
        assert.equal(reason.code, Code.InvalidArgument);
        assert.match(reason.rawMessage, message);
        assert.ok(reason.rawMessage.length < 1_000, "the message holds what was sent");
        return true;
      });
    });
  }
});

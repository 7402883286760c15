import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import { create, type MessageInitShape, toBinary, toJsonString } from "@bufbuild/protobuf";
import { NlpService } from "../../../../../gen/caikit/nlp-service_pb.ts";
import {
  ModelInferRequestSchema,
  ModelInferResponseSchema,
  ModelStreamInferResponseSchema,
} from "../../../../../gen/inference/inference_pb.ts";
import { readRedactionRules } from "../../../../../src/config/payload-log/redaction-rules.ts";
import {
  isFailure,
  type PayloadBody,
  type PayloadParts,
  payloadBody,
} from "../../../../../src/rpc/payload-log/events/payload-body.ts";

const infer = "inference.GRPCInferenceService/ModelInfer";
const KiB = 1024;

interface Sent {
  readonly rpc?: string;
  readonly protocol?: string;
  readonly side?: PayloadParts["side"];
  readonly type?: string;
  readonly encoding?: string;
  readonly jsonLength?: string;
  readonly sizeBytes?: number;
  readonly rules?: string;
  readonly maxBytes?: number;
}

async function bodyOf(bytes: Uint8Array, sent: Sent = {}): Promise<PayloadBody> {
  const { rpc = infer, protocol = "grpc", side = "request", rules = "" } = sent;
  const { type = "application/grpc", encoding = "", jsonLength, maxBytes = 64 * KiB } = sent;
  const body = await payloadBody(
    {
      call: { rpc, protocol },
      side,
      head: { type, encoding, jsonLength, sizeBytes: sent.sizeBytes ?? bytes.length },
      bytes: Buffer.from(bytes),
    },
    { rules: readRedactionRules(rules, []), maxBytes },
  );
  assert.ok(body !== isFailure);
  return body;
}

const jsonIn = ({ bytes }: PayloadBody) => JSON.parse(bytes?.toString() ?? "") as unknown;
const request = (message: MessageInitShape<typeof ModelInferRequestSchema>) =>
  toBinary(ModelInferRequestSchema, create(ModelInferRequestSchema, message));
const rawBytes = (array: ArrayBufferView<ArrayBuffer>) =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

describe("the payload of an event", () => {
  it("has the members of REST, for every field of ModelInfer", async () => {
    const message = request({
      modelName: "m",
      modelVersion: "2",
      id: "i",
      parameters: {
        big: { parameterChoice: { case: "int64Param", value: 2n ** 62n } },
        on: { parameterChoice: { case: "boolParam", value: true } },
      },
      inputs: [
        {
          name: "a",
          datatype: "INT64",
          shape: [2n],
          parameters: { p: { parameterChoice: { case: "stringParam", value: "q" } } },
          contents: { int64Contents: [2n ** 60n, -1n] },
        },
        {
          name: "b",
          datatype: "BYTES",
          shape: [1n],
          contents: { bytesContents: [Buffer.from("é")] },
        },
        { name: "c", datatype: "BOOL", shape: [1n], contents: { boolContents: [true] } },
      ],
      outputs: [{ name: "y" }],
    });
    const { bytes, type, isTruncated, omitted } = await bodyOf(message);
    assert.deepEqual([type, isTruncated, omitted], ["application/json", false, ""]);
    assert.equal(
      bytes?.toString(),
      '{"model_name":"m","model_version":"2","id":"i","parameters":{"big":4611686018427387904,"on":true},' +
        '"inputs":[{"name":"a","datatype":"INT64","shape":[2],"parameters":{"p":"q"},"data":[1152921504606846976,-1]},' +
        '{"name":"b","datatype":"BYTES","shape":[1],"data":["é"]},{"name":"c","datatype":"BOOL","shape":[1],"data":[true]}],' +
        '"outputs":[{"name":"y"}]}',
    );
  });

  it("has raw tensors of every datatype as numbers and texts", async () => {
    const packed = Buffer.concat([Buffer.from([1, 0, 0, 0]), Buffer.from("x"), Buffer.alloc(4)]);
    for (const [datatype, array, expected] of [
      ["FP32", Float32Array.of(0.1, Number.NaN), [0.1, null]],
      ["FP64", Float64Array.of(0.1), [0.1]],
      ["FP16", Uint16Array.of(0x3c00, 0xc000), [1, -2]],
      ["BF16", Uint16Array.of(0x3f80), [1]],
      ["INT8", Int8Array.of(-1), [-1]],
      ["UINT8", Uint8Array.of(255), [255]],
      ["INT16", Int16Array.of(-300), [-300]],
      ["UINT32", Uint32Array.of(2 ** 32 - 1), [2 ** 32 - 1]],
      ["INT64", BigInt64Array.of(-5n), [-5]],
      ["BOOL", Uint8Array.of(1, 0), [true, false]],
      ["BYTES", new Uint8Array(packed), ["x", ""]],
    ] as const) {
      const outputs = [{ name: "y", datatype, shape: [BigInt(expected.length)] }];
      const message = create(ModelInferResponseSchema, {
        outputs,
        rawOutputContents: [rawBytes(array)],
      });
      const body = await bodyOf(toBinary(ModelInferResponseSchema, message), { side: "answer" });
      const { outputs: [tensor] = [] } = jsonIn(body) as { outputs: { data: unknown[] }[] };
      const near = tensor?.data.map((each) =>
        typeof each === "number" ? Math.fround(each) : each,
      );
      const wanted = expected.map((each) => (typeof each === "number" ? Math.fround(each) : each));
      assert.deepEqual(near, wanted, datatype);
    }
  });

  it("has BYTES that are no text in base64, each by itself, as answers of REST do", async () => {
    const raw = Buffer.concat([
      Buffer.from([2, 0, 0, 0, 0xff, 0xfe]),
      Buffer.from([1, 0, 0, 0, 65]),
    ]);
    const inputs = [{ name: "b", datatype: "BYTES", shape: [2n] }];
    assert.deepEqual(jsonIn(await bodyOf(request({ inputs, rawInputContents: [raw] }))), {
      inputs: [
        {
          name: "b",
          datatype: "BYTES",
          shape: [2],
          parameters: { content_type: "base64" },
          data: ["//4=", "QQ=="],
        },
      ],
    });
  });

  it("has the bytes of a tensor in base64 where numbers are too long, and its start where those are, too", async () => {
    const array = Float32Array.from({ length: 4_096 }, (_, at) => Math.fround(at / 7));
    const inputs = [{ name: "x", datatype: "FP32", shape: [4_096n] }];
    const message = request({ inputs, rawInputContents: [rawBytes(array)] });
    type Shown = { inputs: { parameters?: object; data: (number | string)[] }[] };
    const [tensor] = (jsonIn(await bodyOf(message, { maxBytes: 24 * KiB })) as Shown).inputs;
    assert.deepEqual(tensor?.parameters, { encoding: "raw-base64" });
    assert.equal(tensor?.data[0], Buffer.from(rawBytes(array)).toString("base64"));

    const cut = await bodyOf(message, { maxBytes: 4 * KiB });
    assert.ok(cut.isTruncated && (cut.bytes?.length ?? 0) <= 4 * KiB);
    const { data = [] } = (jsonIn(cut) as Shown).inputs[0] ?? {};
    assert.ok(data.length > 100);
    assert.deepEqual(
      data.map((each) => Math.fround(Number(each))),
      [...array.subarray(0, data.length)],
    );
  });

  it("is made of the start of a message, wherever that was cut", async () => {
    const raw = rawBytes(Float32Array.of(1, 2, 3));
    const message = request({
      modelName: "model",
      inputs: [
        { name: "typed", datatype: "INT32", shape: [2n], contents: { intContents: [7, 300] } },
        { name: "x", datatype: "FP32", shape: [3n] },
      ],
      rawInputContents: [new Uint8Array(0), raw],
    });
    for (let end = 0; end <= message.length; end++) {
      const body = await bodyOf(message.subarray(0, end), { sizeBytes: message.length });
      assert.equal(body.type, "application/json", `${end}`);
      assert.equal(body.isTruncated, end < message.length);
      const { model_name: name = "" } = jsonIn(body) as { model_name?: string };
      assert.ok("model".startsWith(name));
    }
    const short = await bodyOf(message.subarray(0, -5), { sizeBytes: message.length });
    const { inputs } = jsonIn(short) as { inputs: { data: number[] }[] };
    assert.deepEqual(inputs[1]?.data, [1]);
  });

  it("is inflated, within its limit", async () => {
    const text = JSON.stringify({ input: "a".repeat(10_000) });
    const rest = { protocol: "rest", rpc: "POST /v1/embeddings", type: "application/json" };
    for (const [encoding, bytes] of [
      ["gzip", gzipSync(text)],
      ["deflate", deflateSync(text)],
      ["br", brotliCompressSync(text)],
    ] as const) {
      const whole = await bodyOf(bytes, { ...rest, encoding });
      assert.equal(whole.bytes?.toString(), text, encoding);
      const cut = await bodyOf(bytes, { ...rest, encoding, maxBytes: 1 * KiB });
      assert.ok(cut.isTruncated);
      const { input } = jsonIn(cut) as { input: string };
      assert.match(input, /^a{1000,1024}$/);
    }
    const noise = JSON.stringify({ input: Array.from({ length: 3_000 }, () => Math.random()) });
    const part = gzipSync(noise).subarray(0, 8 * KiB);
    const begun = await bodyOf(part, { ...rest, encoding: "gzip", sizeBytes: 20 * KiB });
    assert.ok(begun.isTruncated);
    assert.ok((jsonIn(begun) as { input: number[] }).input.length > 100);
  });

  it("of Connect in JSON, of Caikit and of streams has that form, too", async () => {
    const message = create(ModelInferRequestSchema, {
      modelName: "m",
      inputs: [{ name: "x", datatype: "FP32", shape: [1n] }],
      rawInputContents: [rawBytes(Float32Array.of(1.5))],
    });
    const text = toJsonString(ModelInferRequestSchema, message);
    const connect = { protocol: "connect", type: "application/json" };
    assert.deepEqual(jsonIn(await bodyOf(Buffer.from(text), connect)), {
      model_name: "m",
      inputs: [{ name: "x", datatype: "FP32", shape: [1], data: [1.5] }],
    });

    const { input } = NlpService.method.embeddingTaskPredict;
    const caikit = toBinary(
      input,
      create(input, { text: "hello", truncateInputTokens: 3 } as never),
    );
    const rpc = "caikit.runtime.Other.OtherService/EmbeddingTaskPredict";
    assert.deepEqual(jsonIn(await bodyOf(caikit, { rpc })), {
      text: "hello",
      truncate_input_tokens: "3",
    });

    const stream = { rpc: "inference.GRPCInferenceService/ModelStreamInfer" };
    const answer = create(ModelStreamInferResponseSchema, { inferResponse: { modelName: "m" } });
    const bytes = toBinary(ModelStreamInferResponseSchema, answer);
    const made = await bodyOf(bytes, { ...stream, side: "answer" });
    assert.deepEqual(jsonIn(made), { model_name: "m", outputs: [] });
    const failed = create(ModelStreamInferResponseSchema, { errorMessage: "no" });
    const parts: PayloadParts = {
      call: { ...stream, protocol: "grpc" },
      side: "answer",
      head: { type: "", encoding: "", sizeBytes: 4 },
      bytes: Buffer.from(toBinary(ModelStreamInferResponseSchema, failed)),
    };
    assert.equal(await payloadBody(parts, { rules: [], maxBytes: KiB }), isFailure);
  });

  it("that nobody can read is logged as it is, unless something is to be hidden", async () => {
    const csv = { protocol: "rest", rpc: "POST /invocations", type: "text/csv" };
    const garbage = Buffer.from([0xff, 0xff, 0xff]);
    for (const [bytes, sent, type] of [
      [Buffer.from("1,2\n"), csv, "text/csv"],
      [
        Buffer.from('{"a" 1'),
        { ...csv, type: "application/json", sizeBytes: 99 },
        "application/json",
      ],
      [garbage, { type: "" }, "application/protobuf"],
      [Buffer.from("not gzip"), { ...csv, encoding: "gzip" }, "text/csv"],
      [Buffer.from("{}"), { rpc: "a.B/C" }, "application/grpc"],
    ] as const) {
      const shown = await bodyOf(bytes, sent);
      assert.deepEqual([shown.bytes, shown.type, shown.omitted], [bytes, type, ""]);
      const kept = await bodyOf(bytes, { ...sent, rules: "input:x" });
      assert.equal(kept.bytes, undefined);
      assert.match(kept.omitted, /redaction rules cannot be applied/);
      const ofHeaders = await bodyOf(bytes, { ...sent, rules: "header:x" });
      assert.deepEqual(ofHeaders.bytes, bytes);
    }
  });

  it("of REST with binary tensors has them among its JSON", async () => {
    const head = {
      id: "1",
      parameters: { binary_data_output: true, keep: 1 },
      inputs: [
        { name: "a", datatype: "FP32", shape: [1], parameters: { binary_data_size: 4, p: 1 } },
        { name: "j", datatype: "INT64", shape: [1], data: [2 ** 53] },
        { name: "b", datatype: "INT8", shape: [2], parameters: { binary_data_size: 2 } },
      ],
      outputs: [{ name: "y" }],
    };
    const json = Buffer.from(JSON.stringify(head).replace("9007199254740992", "9007199254740993"));
    const body = Buffer.concat([json, rawBytes(Float32Array.of(2.5)), Uint8Array.of(1, 255)]);
    const rest = { protocol: "rest", rpc: "POST /v2/models/:model/infer", type: "" };
    const shown = await bodyOf(body, { ...rest, jsonLength: `${json.length}` });
    assert.equal(
      shown.bytes?.toString(),
      '{"id":"1","outputs":[{"name":"y"}],"inputs":[{"name":"a","datatype":"FP32","shape":[1],"parameters":{"p":1},"data":[2.5]},' +
        '{"name":"j","datatype":"INT64","shape":[1],"data":[9007199254740993]},' +
        '{"name":"b","datatype":"INT8","shape":[2],"data":[1,-1]}],"parameters":{"keep":1}}',
    );
    const hidden = await bodyOf(body, { ...rest, jsonLength: `${json.length}`, rules: "input:b" });
    assert.match(hidden.bytes?.toString() ?? "", /"shape":\[2\],"data":"\[REDACTED\]"/);
    const cut = body.subarray(0, json.length + 5);
    const short = await bodyOf(cut, {
      ...rest,
      jsonLength: `${json.length}`,
      sizeBytes: body.length,
    });
    assert.ok(short.isTruncated);
    assert.match(short.bytes?.toString() ?? "", /"shape":\[2\],"data":\[1\]/);
  });
});

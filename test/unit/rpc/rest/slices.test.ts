import assert from "node:assert/strict";
import type { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { describe, it } from "node:test";
import { packTexts } from "../../../../src/base/packed-texts.ts";
import type { Datatype, Tensor } from "../../../../src/base/tensor.ts";
import { writeJson } from "../../../../src/rpc/rest/json.ts";
import { encodeData } from "../../../../src/rpc/rest/json-tensor.ts";
import { encodeRestInference } from "../../../../src/rpc/rest/response.ts";
import { dataSlices } from "../../../../src/rpc/rest/slices.ts";
import type { BytesForm } from "../../../../src/rpc/rest/strings.ts";
import { randomBytes } from "../../../support/models/random-weights.ts";

const count = 30_001;

function tensor(datatype: Datatype, data: Uint8Array, elements = count): Tensor {
  return { name: datatype, datatype, shape: [elements], data };
}

const numbers: [Datatype, number][] = [
  ["UINT8", 1],
  ["INT8", 1],
  ["UINT16", 2],
  ["INT16", 2],
  ["UINT32", 4],
  ["INT32", 4],
  ["UINT64", 8],
  ["INT64", 8],
  ["FP32", 4],
  ["FP64", 8],
];

async function answer(outputs: readonly Tensor[], form: { binary?: readonly string[] } = {}) {
  let made = 0;
  const byName = new Map(
    (form.binary ?? []).map((name) => [name, { binary: true, bytesForm: "text" as BytesForm }]),
  );
  const encoded = await encodeRestInference(
    { version: "3", outputs },
    { modelId: "m", id: "7", forms: { byName, others: { binary: false, bytesForm: "text" } } },
    (bytes) => {
      made += bytes;
    },
  );
  assert.ok(!Buffer.isBuffer(encoded.body), "it is written in slices");
  const body = await buffer(encoded.body as Readable);
  assert.equal(body.length, encoded.sizeBytes);
  const end = encoded.jsonLength ?? body.length;
  assert.equal(made, end, "all of the JSON is counted");
  return { text: body.subarray(0, end).toString(), binary: body.subarray(end) };
}

/** What one piece of JSON would be. */
function inOne(outputs: readonly Tensor[]): string {
  return writeJson({
    model_name: "m",
    model_version: "3",
    id: "7",
    outputs: outputs.map((each) => {
      const { data, bytesForm } = encodeData(each, "text");
      const parameters = bytesForm === "text" ? {} : { parameters: { content_type: "base64" } };
      const { name, datatype, shape } = each;
      return { name, datatype, shape, ...parameters, data };
    }),
  }).toString();
}

describe("long tensors in an answer of REST", () => {
  for (const [datatype, size] of numbers) {
    it(`are the same JSON as in one piece: ${datatype}`, async () => {
      const long = tensor(datatype, randomBytes(count * size, 5));
      assert.equal((await answer([long])).text, inOne([long]));
    });
  }

  it("are so for BOOL", async () => {
    const long = tensor(
      "BOOL",
      randomBytes(count, 6).map((byte) => byte & 1),
    );
    assert.equal((await answer([long])).text, inOne([long]));
  });

  it("are so for BYTES, short and long, with all that JSON escapes", async () => {
    const strings = Array.from({ length: count }, (_, at) => `${at} "\\\n€ ${"x".repeat(at % 50)}`);
    strings[17] = "y".repeat(300_000);
    const long = tensor("BYTES", packTexts(strings));
    assert.equal((await answer([long])).text, inOne([long]));
  });

  for (const [what, unit] of Object.entries({
    "of ASCII": "a",
    "of characters of two bytes": "é",
    "of characters of three bytes": "€",
    "of characters of four bytes": "😀",
    "that is all escapes": '\u0001"',
    "with byte order marks": "\ufeffx",
  })) {
    it(`are so for one long string ${what}, in pieces`, async (t) => {
      const strings = ["before", `_${unit.repeat(900_000 / unit.length)}`, "", "after"];
      const long = tensor("BYTES", packTexts(strings), 4);
      const slices: number[] = [];
      for await (const slice of dataSlices(long, "text")) slices.push(slice.length);
      t.diagnostic(`${slices.length} slices, the longest of ${Math.max(...slices)} bytes`);
      assert.ok(Math.max(...slices) <= 6 * 200_000);
      assert.equal((await answer([long])).text, inOne([long]));
    });
  }

  it("are base64 where one long element is not UTF-8, wherever", async () => {
    for (const at of [0, 196_607, 196_608, 196_609, 499_999]) {
      const content = Buffer.alloc(500_000, "a");
      content[at] = 0x80;
      const head = Buffer.alloc(4);
      head.writeUInt32LE(content.length);
      const long = tensor("BYTES", Buffer.concat([head, content]), 1);
      const { text } = await answer([long]);
      assert.equal(text, inOne([long]));
      assert.match(text, /"content_type":"base64"/);
    }
  });

  it("are base64 where the last element is not UTF-8", async () => {
    const head = packTexts(Array.from({ length: count - 1 }, () => "word"));
    const tail = Uint8Array.of(1, 0, 0, 0, 0xff);
    const long = tensor("BYTES", Buffer.concat([head, tail]));
    const { text } = await answer([long]);
    assert.equal(text, inOne([long]));
    assert.match(text, /"content_type":"base64"/);
  });

  it("stand beside short ones, and before those in binary form", async () => {
    const short = { name: "short", datatype: "INT32", shape: [1], data: Uint8Array.of(1, 0, 0, 0) };
    const long = tensor("FP32", randomBytes(count * 4, 8));
    const blob = { ...tensor("UINT8", randomBytes(count, 9)), name: "blob" };
    const outputs = [short as Tensor, blob, long];
    const { text, binary } = await answer(outputs, { binary: ["blob"] });
    const parsed = JSON.parse(text);
    assert.deepEqual(parsed.outputs[0].data, [1]);
    assert.deepEqual(parsed.outputs[1].parameters, { binary_data_size: count });
    assert.equal(parsed.outputs[2].data.length, count);
    assert.deepEqual(binary, Buffer.from(blob.data));
  });

  it("refuse a datatype that JSON has no form for", async () => {
    const long = tensor("FP16", randomBytes(count * 2, 4));
    await assert.rejects(answer([long]), { kind: "invalid-argument", message: /no form in JSON/ });
  });
});

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { contentBytesBeside, tensorBytesBeside } from "../../../../src/rpc/codec/bytes-beside.ts";
import { decodeInferRequest } from "../../../../src/rpc/codec/infer-request-decoder.ts";
import { ProtobufWriter } from "../../../support/models/protobuf-writer.ts";

/** What a decoded request with one input, of these contents, holds beside its message. */
function besideOf(contents: ProtobufWriter): number {
  const input = new ProtobufWriter().text(1, "x").message(5, contents);
  const bytes = new ProtobufWriter().text(1, "m").message(5, input).finish();
  return contentBytesBeside(decodeInferRequest(bytes).inputs, bytes);
}

describe("what a request holds beside its message", () => {
  it("is nothing for floats, which are views or as small as they were", () => {
    const floats = Buffer.alloc(4_000);
    assert.ok(besideOf(new ProtobufWriter().bytes(6, floats)) <= floats.length);
  });

  it("is eight bytes for an integer that was one", () => {
    const ones = new Array<number>(1_000).fill(1);
    const beside = besideOf(new ProtobufWriter().integers(3, ones));
    assert.ok(beside >= 8_000, `${beside}`);
  });

  it("counts strings", () => {
    const texts = Array.from({ length: 100 }, () => "twelve bytes");
    const beside = besideOf(new ProtobufWriter().texts(8, texts));
    assert.ok(beside >= 1_200, `${beside}`);
  });

  it("leaves out tensors that are views into the body", () => {
    const body = new Uint8Array(100);
    const tensor = (data: Uint8Array) => ({
      name: "x",
      datatype: "UINT8" as const,
      shape: [4],
      data,
    });
    assert.equal(
      tensorBytesBeside([tensor(body.subarray(4, 8)), tensor(new Uint8Array(4))], body),
      4,
    );
  });
});

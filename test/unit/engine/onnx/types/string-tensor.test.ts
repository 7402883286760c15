import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { packTexts } from "../../../../../src/base/packed-texts.ts";
import { decodeStrings } from "../../../../../src/engine/onnx/types/string-tensor.ts";

function elements(...parts: readonly (readonly number[])[]): Uint8Array {
  return Buffer.concat(parts.map((bytes) => Buffer.from([bytes.length, 0, 0, 0, ...bytes])));
}

describe("the strings of a BYTES tensor", () => {
  it("come back as they were, whatever characters they have", () => {
    const strings = ["", "plain", "zwölf", "日本", "👍🏽", "\uFEFFwith a mark", "line\nbreak"];
    assert.deepEqual(decodeStrings(packTexts(strings), "x"), strings);
  });

  it("are each a length as uint32, little-endian, and UTF-8", () => {
    assert.deepEqual([...packTexts(["é", ""])], [2, 0, 0, 0, 0xc3, 0xa9, 0, 0, 0, 0]);
  });

  it("are refused with a NUL, at which the engine would cut them", () => {
    assert.throws(() => decodeStrings(elements([97], [97, 0, 98]), "input x"), {
      kind: "invalid-argument",
      message: "input x: element 1 holds a NUL, which the engine cannot take",
    });
  });

  it("are refused if they are not UTF-8", () => {
    for (const bytes of [[0xff], [0xc3], [0xed, 0xa0, 0x80], [0xc0, 0x81]]) {
      assert.throws(() => decodeStrings(elements(bytes), "input x"), {
        kind: "invalid-argument",
        message: /^input x: element 0 is not valid UTF-8/,
      });
    }
  });
});

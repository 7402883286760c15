import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { StringEscape, StringSurvey } from "../../../../../src/engine/onnx/types/string-escape.ts";

const bytes = (...values: number[]) => Buffer.from(values);
const escaping = new StringEscape(0x10ff80);

describe("bytes that are not UTF-8", () => {
  const samples: readonly (readonly [string, Buffer])[] = [
    ["Latin-1", Buffer.from("café", "latin1")],
    ["every byte above ASCII", Buffer.from(Array.from({ length: 128 }, (_, at) => 128 + at))],
    ["a character that is cut off", bytes(0x61, 0xf0, 0x9f, 0x98)],
    ["half of a pair", bytes(0xed, 0xa0, 0x80, 0x62)],
    ["a character written too long", bytes(0xc0, 0xaf)],
    ["a mixture", Buffer.concat([Buffer.from("größe 😀"), bytes(0xff), Buffer.from("ß")])],
    ["a NUL", bytes(0, 0xe9, 0)],
  ];
  for (const [what, sample] of samples) {
    it(`are text and come back: ${what}`, () => {
      const text = escaping.escape(sample)?.toString() ?? assert.fail("they are UTF-8");
      assert.ok(!text.includes("\ufffd"));
      assert.ok(escaping.isEscaped(text));
      assert.deepEqual(escaping.unescape(text), sample);
    });
  }

  it("stay apart from texts that are, which stay as they are", () => {
    const text = "zwölf ☃ 😀 \u{10ff00}";
    assert.equal(escaping.escape(Buffer.from(text)), undefined);
    assert.equal(escaping.isEscaped(text), false);
    assert.deepEqual(escaping.unescape(text), Buffer.from(text));
  });

  it("become whole where the model joins them", () => {
    const [first, second] = [bytes(0xc3), bytes(0xa9)].map((half) => escaping.escape(half));
    assert.deepEqual(escaping.unescape(`${first}${second}`), Buffer.from("é"));
  });

  it("take characters that no text of the model has", () => {
    const survey = new StringSurvey();
    survey.see(Buffer.from("\u{10ffff} and \u{10ff00}"));
    assert.equal(survey.escape(), undefined);
    survey.see(bytes(0xe9));
    const text = survey.escape()?.escape(bytes(0xe9))?.toString();
    assert.equal(text, String.fromCodePoint(0x10fe80 + 0xe9 - 0x80));
  });
});

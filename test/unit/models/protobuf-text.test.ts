import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseProtobufText, type TextValue, Word } from "../../../src/models/protobuf-text.ts";

/** As plain values: words as "<word>", integers as numbers. */
function plain(value: TextValue): unknown {
  if (value instanceof Word) return `<${value.text}>`;
  if (typeof value === "bigint") return Number(value);
  if (!(value instanceof Map)) return value;
  const fields = [...value].map(([name, values]: [string, TextValue[]]) => [
    name,
    values.map(plain),
  ]);
  return Object.fromEntries(fields);
}
const read = (text: string) => plain(parseProtobufText(text, "it"));

describe("protobuf's text format", () => {
  const cases: readonly [text: string, value: unknown][] = [
    ["", {}],
    ["# only a comment", {}],
    ["\ufeffa: 1", { a: [1] }],
    [
      "a: 1 b: -2 c: 0x1F d: 017 e: 1.5f f: -.5 g: 1e3",
      { a: [1], b: [-2], c: [31], d: [15], e: [1.5], f: [-0.5], g: [1000] },
    ],
    ["a: 1, b: 2; c: 3", { a: [1], b: [2], c: [3] }],
    ["a: TYPE_FP32 b: true", { a: ["<TYPE_FP32>"], b: ["<true>"] }],
    ["a: inf b: -inf", { a: ["<inf>"], b: [Number.NEGATIVE_INFINITY] }],
    ["a: [1, -1, 3]", { a: [1, -1, 3] }],
    ["a: [] a: [ ] a: 1", { a: [1] }],
    ["a: 1 a: 2", { a: [1, 2] }],
    ["a { b: 1 } a: { b: 2 } a < b: 3 >", { a: [{ b: [1] }, { b: [2] }, { b: [3] }] }],
    ["a [ { b: 1 }, { b: 2 } ]", { a: [{ b: [1] }, { b: [2] }] }],
    ["a { } # nothing\n b {}", { a: [{}], b: [{}] }],
    [`a: "x" b: 'y"z' c: "p" 'q' # joined\n "r"`, { a: ["x"], b: ['y"z'], c: ["pqr"] }],
    [String.raw`a: "\n\t\\\"\'\x41\101\303\251\u00e9"`, { a: ["\n\t\\\"'AAéé"] }],
    ['a: "# no comment"', { a: ["# no comment"] }],
    ["[type.googleapis.com/a.b] { c: 1 }", { "[type.googleapis.com/a.b]": [{ c: [1] }] }],
    ["__proto__: 1", Object.fromEntries([["__proto__", [1]]])],
  ];
  for (const [text, value] of cases) {
    it(`reads ${JSON.stringify(text)}`, () => assert.deepEqual(read(text), value));
  }

  it("keeps integers of 64 bits", () => {
    assert.equal(parseProtobufText("a: 18446744073709551615", "it").get("a")?.[0], 2n ** 64n - 1n);
  });

  const refused: readonly [text: string, message: RegExp][] = [
    ["a", /^it: line 1, column 2: the text ends, expected : or \{$/],
    ["a 1", /^it: line 1, column 3: found "1", expected : or \{$/],
    ["\n  a: }", /^it: line 2, column 6: found "\}", expected a value$/],
    ["a: [1 2]", /expected , or \]$/],
    ["a { b: 1", /the text ends, expected the name of a field$/],
    ["a { b: 1 >", /expected the name of a field$/],
    ["}", /expected the name of a field$/],
    ['a: "open', /found "\\"", expected a field, a value or a bracket$/],
    ["a: 12x", /expected/],
    ["a: -x", /expected a number$/],
    ["a: @", /found "@"/],
    ["[a b", /expected a name and \]$/],
    ["a {".repeat(40), /nested more than 32 deep$/],
    [`a: [${"1,".repeat(60_000)}1]`, /more than 100000 words$/],
  ];
  for (const [text, message] of refused) {
    it(`refuses ${JSON.stringify(text.slice(0, 20))}`, () => {
      assert.throws(() => read(text), { kind: "invalid-argument", message });
    });
  }
});

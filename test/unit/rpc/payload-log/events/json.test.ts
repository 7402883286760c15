import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { readRedactionRules } from "../../../../../src/config/payload-log/redaction-rules.ts";
import { closeJson } from "../../../../../src/rpc/payload-log/events/close-json.ts";
import { redactJson } from "../../../../../src/rpc/payload-log/events/redact-json.ts";
import { isStrictJson } from "../../../../../src/rpc/payload-log/events/strict-json.ts";

const rulesOf = (text: string) => {
  const problems: string[] = [];
  const rules = readRedactionRules(text, problems);
  assert.deepEqual(problems, []);
  return rules;
};
const redacted = (value: unknown, rules: string): unknown =>
  JSON.parse(redactJson(JSON.stringify(value), rulesOf(rules)));
const hidden = "[REDACTED]";

describe("the start of a JSON text", () => {
  it("is closed wherever it was cut, and has nothing that was not there", () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 5 }), fc.nat(), fc.boolean(), (compact, place, isSpaced) => {
        const text = isSpaced ? JSON.stringify(JSON.parse(compact), null, 1) : compact;
        const closed = closeJson(text.slice(0, place % (text.length + 1)));
        JSON.parse(closed);
        assert.ok(closed.length <= text.length + 8 || closed === "null");
        if (place % (text.length + 1) === text.length) assert.equal(closed, text);
      }),
    );
  });

  it("keeps what is whole, and the beginning of a text", () => {
    const text = '{"a":[1,{"b":"x\\u00e9y"}],"c":12345}';
    assert.equal(closeJson(text.slice(0, 20)), '{"a":[1,{"b":"x"}]}');
    assert.equal(closeJson(text.slice(0, 23)), '{"a":[1,{"b":"x\\u00e9y"}]}');
    assert.equal(closeJson(text.slice(0, -2)), '{"a":[1,{"b":"x\\u00e9y"}]}');
    assert.equal(closeJson('["\\ud83d\\ud'), '[""]');
    assert.equal(closeJson(""), "null");
  });

  it("is refused if it is no JSON", () => {
    for (const text of [
      '{"a" 1}',
      "[1 2]",
      "{a:1}",
      "[1,]x",
      "}",
      '{"a":,"b"',
      "[".repeat(2_000),
    ]) {
      assert.throws(() => closeJson(text), text.slice(0, 20));
    }
  });
});

describe("redaction", () => {
  it("hides the tensors of a name, wherever the name stands", () => {
    const other = { name: "y", shape: [1], datatype: "FP32", data: [1] };
    const named = { name: "x", shape: [1], datatype: "FP32", data: [1], parameters: { a: 1 } };
    assert.deepEqual(redacted({ inputs: [other, named], outputs: [named] }, "input:x"), {
      inputs: [other, { ...named, data: hidden }],
      outputs: [named],
    });
    assert.deepEqual(redacted({ inputs: [{ data: [1], name: "x" }] }, "input:x"), {
      inputs: [{ data: hidden, name: "x" }],
    });
    assert.deepEqual(redacted({ outputs: [named] }, "output:x"), {
      outputs: [{ ...named, data: hidden }],
    });
    // A name is spelled with escapes, or twice.
    for (const text of [
      '{"inputs":[{"n\\u0061me":"\\u0078","data":[7]}]}',
      '{"inputs":[{"name":"x","data":[7],"name":"y"}]}',
      '{"inputs":[{"data":[7]}]}',
      '{"inp\\u0075ts":[{"name":"x","data":[7]}]}',
    ]) {
      assert.doesNotMatch(redactJson(text, rulesOf("input:x")), /\[7\]/, text);
    }
  });

  it("hides inputs and outputs of version 1, and rows without names", () => {
    for (const [body, rules, expected] of [
      [{ instances: [{ x: 1, y: 2 }] }, "input:x", { instances: [{ x: hidden, y: 2 }] }],
      [{ inputs: { x: [1], y: [2] } }, "input:x", { inputs: { x: hidden, y: [2] } }],
      [{ instances: [1, [2]] }, "input:x", { instances: [hidden, [hidden]] }],
      [{ instances: [{ b64: "AA" }] }, "input:x", { instances: [{ b64: hidden }] }],
      [{ inputs: "text" }, "input:x", { inputs: hidden }],
      [
        { predictions: [1, { x: 1, y: 2 }] },
        "output:x",
        { predictions: [hidden, { x: hidden, y: 2 }] },
      ],
      [{ instances: [1] }, "output:x", { instances: [1] }],
    ] as const) {
      assert.deepEqual(redacted(body, rules), expected);
    }
  });

  it("hides parameters and paths, at any depth where that is asked for", () => {
    const body = {
      parameters: { p: 1, q: 2 },
      a: [{ parameters: { p: {} } }, { b: { c: 1 } }],
      c: 3,
    };
    assert.deepEqual(redacted(body, "parameter:p"), {
      ...body,
      parameters: { p: hidden, q: 2 },
      a: [{ parameters: { p: hidden } }, body.a[1]],
    });
    assert.deepEqual(redacted(body, "path:$..c"), {
      ...body,
      a: [body.a[0], { b: { c: hidden } }],
      c: hidden,
    });
    assert.deepEqual(redacted(body, "path:$.a[1].*"), { ...body, a: [body.a[0], { b: hidden }] });
    assert.deepEqual(redacted(body, "path:$.b,path:$.a[7]"), body);
  });

  it("never shows more of a text that was cut than of the whole", () => {
    const secret = "SECRET";
    const body = {
      inputs: [
        { data: [secret, [secret]], shape: [2], name: "x" },
        { name: "y", data: ["plain"] },
      ],
      parameters: { pin: { a: secret } },
      user: [{ card: secret }],
    };
    const text = JSON.stringify(body);
    const rules = rulesOf("input:x,parameter:pin,path:$.user[*].card");
    for (let end = 0; end <= text.length; end++) {
      const shown = closeJson(redactJson(text.slice(0, end), rules));
      JSON.parse(shown);
      assert.doesNotMatch(shown, /SE|CRET/, `${end}`);
    }
  });

  it("changes nothing else: not a digit, not a space", () => {
    const text =
      '{ "id" : 12345678901234567890, "a":[ 1.50, NaN, {"k":"\\u0041"} ],\n"b":{"x":1} }';
    assert.equal(redactJson(text, rulesOf("path:$.b")), text.replace('{"x":1}', `"${hidden}"`));
  });
});

describe("strict JSON", () => {
  it("is what JSON.parse takes", () => {
    fc.assert(fc.property(fc.json(), (text) => isStrictJson(text)));
    for (const text of ["", "[NaN]", "[01]", '["\u0001"]', '["\\x"]', "{", "nul", "[1]]"]) {
      assert.equal(isStrictJson(text), false, text);
    }
  });
});

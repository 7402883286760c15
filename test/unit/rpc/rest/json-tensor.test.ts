import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { BareNumber } from "../../../../src/base/json-float.ts";
import { type Datatype, elementCount } from "../../../../src/base/tensor.ts";
import { parseJson, writeJson } from "../../../../src/rpc/rest/json.ts";
import { decodeData, encodeData } from "../../../../src/rpc/rest/json-tensor.ts";
import type { BytesForm } from "../../../../src/rpc/rest/strings.ts";

const what = "input 'x' for model 'm'";

/** Decodes the JSON text of a tensor's data, and returns the bytes. */
function decode(text: string, datatype: Datatype, shape: number[], bytesForm: BytesForm = "text") {
  const count = elementCount(shape, what);
  const data = parseJson(Buffer.from(text), "the request", { bareNumbers: true });
  return decodeData(data, { datatype, shape, count, bytesForm, what });
}

/** The JSON text of a tensor's data. */
function encode(data: Uint8Array, datatype: Datatype, shape: number[], wanted: BytesForm = "text") {
  const encoded = encodeData({ name: "y", datatype, shape, data }, wanted);
  return { text: writeJson(encoded.data).toString(), bytesForm: encoded.bytesForm };
}

function bytesOf(array: ArrayBufferView): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

const lossless: [Datatype, string, ArrayBufferView][] = [
  ["BOOL", "[true,false]", Uint8Array.of(1, 0)],
  ["INT8", "[-128,127]", Int8Array.of(-128, 127)],
  ["INT16", "[-32768,32767]", Int16Array.of(-32768, 32767)],
  ["INT32", "[-2147483648,2147483647]", Int32Array.of(-(2 ** 31), 2 ** 31 - 1)],
  [
    "INT64",
    "[-9223372036854775808,9223372036854775807]",
    BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n),
  ],
  ["INT64", "[9007199254740991,-3]", BigInt64Array.of(9007199254740991n, -3n)],
  ["INT64", "[9007199254740993,0]", BigInt64Array.of(9007199254740993n, 0n)],
  ["UINT8", "[0,255]", Uint8Array.of(0, 255)],
  ["UINT16", "[0,65535]", Uint16Array.of(0, 65535)],
  ["UINT32", "[0,4294967295]", Uint32Array.of(0, 2 ** 32 - 1)],
  ["UINT64", "[0,18446744073709551615]", BigUint64Array.of(0n, 2n ** 64n - 1n)],
  ["FP32", "[0.10000000149011612,-0.0]", Float32Array.of(0.1, -0)],
  ["FP64", "[0.1,5e-324]", Float64Array.of(0.1, 5e-324)],
  ["BYTES", '["","né\\u0000"]', Buffer.from([0, 0, 0, 0, 4, 0, 0, 0, 0x6e, 0xc3, 0xa9, 0])],
];

describe("a tensor in JSON", () => {
  for (const [datatype, text, elements] of lossless) {
    it(`carries ${datatype} ${text} without loss in both directions`, () => {
      assert.deepEqual(Buffer.from(decode(text, datatype, [2])), Buffer.from(bytesOf(elements)));
      assert.deepEqual(encode(bytesOf(elements), datatype, [2]), { text, bytesForm: "text" });
    });
  }

  const nested: [string, number[], string][] = [
    ["[[1,2,3],[4,5,6]]", [2, 3], "010203040506"],
    ["[1,2,3,4,5,6]", [2, 3], "010203040506"],
    ["[[[1],[2]],[[3],[4]]]", [2, 2, 1], "01020304"],
    ["[[[[1,2]]]]", [1, 1, 1, 2], "0102"],
    ["[7]", [], "07"],
    ["7", [], "07"],
    ["[]", [0], ""],
    ["[]", [0, 3], ""],
    ["[]", [2, 0], ""],
    ["[[],[]]", [2, 0], ""],
    ["[[[],[]]]", [1, 2, 0], ""],
  ];
  for (const [text, shape, hex] of nested) {
    it(`reads ${text} as shape [${shape}]`, () => {
      assert.equal(Buffer.from(decode(text, "UINT8", shape)).toString("hex"), hex);
    });
  }

  const strings: [string, number[], BytesForm, string[]][] = [
    ['[["a","b"],["c","d"]]', [2, 2], "text", ["a", "b", "c", "d"]],
    ["[[77,121],[]]", [2], "text", ["My", ""]],
    ["[[77],[78]]", [2, 1], "text", ["M", "N"]],
    ["[[[77],[78]]]", [1, 2], "text", ["M", "N"]],
    ["[[77,78]]", [], "text", ["MN"]],
    ['["TXk=","TXk",""]', [3], "base64", ["My", "My", ""]],
    ['["\\u00e9\\ud83d\\ude00"]', [1], "text", ["é😀"]],
  ];
  for (const [text, shape, form, elements] of strings) {
    it(`reads the BYTES ${text} as ${form} of shape [${shape}]`, () => {
      const encoded = encode(decode(text, "BYTES", shape, form), "BYTES", shape);
      assert.deepEqual(JSON.parse(encoded.text), elements);
    });
  }

  const refused: [string, Datatype, number[], RegExp][] = [
    ["[1,2]", "INT32", [3], /data has 2 elements, expected 3 for the shape \[3\]/],
    ["[]", "INT32", [], /data has 0 elements, expected 1 for the shape \[\]/],
    ["[[1,2],[3]]", "INT32", [2, 2], /data\[1\] has 1 elements, expected 2 for the shape \[2,2\]/],
    ["[[1,2]]", "INT32", [2, 2], /: data has 1 elements, expected 2 for the shape \[2,2\]/],
    [
      "[[1,2],3]",
      "INT32",
      [2, 2],
      /data\[1\] is not an array, expected 2 levels of arrays for the shape \[2,2\]/,
    ],
    ["[[1,[2]]]", "INT32", [1, 2], /element 1 is an array, which its shape \[1,2\] does not/],
    ["[[1],[2]]", "INT32", [2], /element 0 is an array/],
    ["[1,[2]]", "INT32", [2, 1], /element 1 is an array/],
    ["5", "INT32", [1], /data must be an array/],
    ['{"0":1}', "INT32", [1], /data must be an array/],
    ["[128]", "INT8", [1], /element 0 is 128, which is not an INT8/],
    ["[2147483648]", "INT32", [1], /is 2147483648, which is not an INT32/],
    ["[4294967296]", "UINT32", [1], /which is not a UINT32/],
    ["[-1]", "UINT64", [1], /is -1, which is not a UINT64/],
    ["[9223372036854775808]", "INT64", [1], /is 9223372036854775808, which is not an INT64/],
    ["[18446744073709551616]", "UINT64", [1], /which is not a UINT64/],
    ["[9007199254740993.0]", "INT64", [1], /which is not an INT64/],
    ["[1e300]", "INT64", [1], /is 1e\+300, which is not an INT64/],
    ["[1.5]", "INT32", [1], /is 1.5, which is not an INT32/],
    ["[true]", "INT32", [1], /is true, which is not an INT32/],
    ["[1]", "BOOL", [1], /is 1, which is not a BOOL/],
    ["[null]", "INT32", [1], /is null, which is not an INT32/],
    ["[null]", "BYTES", [1], /is null, which is not a string/],
    ["[NaN]", "INT64", [1], /is NaN, which is not an INT64/],
    ["[1,-Infinity]", "UINT8", [2], /element 1 is -Infinity, which is not a UINT8/],
    ["[NaN]", "BYTES", [1], /is NaN, which is not a string/],
    ["[NaN]", "BOOL", [1], /is NaN, which is not a BOOL/],
    ['["NaN"]', "INT32", [1], /is "NaN", which is not an INT32/],
    ['["nan"]', "FP32", [1], /is "nan", which is not an FP32/],
    ['["inf"]', "FP32", [1], /is "inf", which is not an FP32/],
    ["[{}]", "FP32", [1], /is an object, which is not an FP32/],
    ["[1e39]", "FP32", [1], /is 1e\+39, which is not an FP32/],
    ["[1e999]", "FP64", [1], /is Infinity, which is not an FP64/],
    ['["1"]', "FP64", [1], /is "1", which is not an FP64/],
    ["[1]", "BYTES", [1], /element 0 is 1, which is not a string/],
    ["[[256]]", "BYTES", [1], /element 0 has items that are not bytes/],
    ['["\\ud800"]', "BYTES", [1], /element 0 has half of a surrogate pair/],
    ['[{"a":9007199254740993}]', "FP32", [1], /element 0 is an object, which is not an FP32/],
    ['[{"valueOf":1,"toString":1}]', "INT8", [1], /element 0 is an object, which is not an INT8/],
    ["[9007199254740993]", "INT32", [1], /is 9007199254740993, which is not an INT32/],
    ["[[9007199254740993]]", "BYTES", [1], /element 0 has items that are not bytes/],
    ['[{"a":9007199254740993}]', "BYTES", [1], /element 0 is an object, which is not a string/],
    ["[1]", "FP16", [1], /FP16 has no form in JSON: send it as binary data/],
    ["[1]", "BF16", [1], /BF16 has no form in JSON/],
  ];
  for (const [text, datatype, shape, message] of refused) {
    it(`refuses ${text} as ${datatype} of shape [${shape}]`, () => {
      assert.throws(() => decode(text, datatype, shape), { kind: "invalid-argument", message });
    });
  }

  for (const text of ["T", "TXk==", "TX*k", "T=Xk", "TXk=TXk="]) {
    it(`refuses ${JSON.stringify(text)} as base64`, () => {
      assert.throws(() => decode(JSON.stringify([text]), "BYTES", [1], "base64"), {
        kind: "invalid-argument",
        message: /element 0 is not base64/,
      });
    });
  }

  for (const [name, open, close] of [
    ["arrays", "[", "]"],
    ["objects", '{"a":', "}"],
  ] as const) {
    it(`refuses ${name} of any depth where a number belongs`, () => {
      const deep = `${open.repeat(100_000)}1${close.repeat(100_000)}`;
      for (const datatype of ["FP32", "INT64", "BOOL", "BYTES"] as const) {
        const error = { kind: "invalid-argument", message: /element 0 / };
        assert.throws(() => decode(`[${deep}]`, datatype, [1]), error);
      }
    });
  }

  it("reads arrays as deep as the shape has dimensions", () => {
    const rank = 20_000;
    const text = `${"[".repeat(rank)}7${"]".repeat(rank)}`;
    assert.deepEqual(decode(text, "INT8", Array<number>(rank).fill(1)), Uint8Array.of(7));
  });

  it("takes an integer of any length for a float", () => {
    const data = decode("[123456789012345678901234567890,9007199254740994]", "FP64", [2]);
    assert.deepEqual(
      Buffer.from(data),
      Buffer.from(bytesOf(Float64Array.of(1.2345678901234568e29, 9007199254740994))),
    );
  });

  const floats = ["NaN", "Infinity", "-Infinity"];
  for (const [text, values] of [
    ["[null,1,null]", [Number.NaN, 1, Number.NaN]],
    ["[NaN, Infinity,-Infinity]", floats.map(Number)],
    ['["NaN","Infinity","-Infinity"]', floats.map(Number)],
    ["[[NaN\n],[ -Infinity ],[9007199254740992]]", [Number.NaN, -Infinity, 2 ** 53]],
  ] as const) {
    for (const [datatype, type] of [
      ["FP32", Float32Array],
      ["FP64", Float64Array],
    ] as const) {
      it(`reads ${JSON.stringify(text)} as ${datatype}`, () => {
        const data = decode(text, datatype, text.startsWith("[[") ? [3, 1] : [3]);
        assert.deepEqual(new type(data.slice().buffer), type.from(values));
      });
    }
  }

  it("writes NaN and the infinities as null", () => {
    const data = bytesOf(Float32Array.of(Number.NaN, Infinity, -Infinity, 1));
    assert.equal(encode(data, "FP32", [4]).text, "[null,null,null,1]");
  });

  it("writes BYTES as base64 where that is asked for, and where they are not UTF-8", () => {
    const good = Buffer.from([1, 0, 0, 0, 0x41]);
    const bad = Buffer.from([1, 0, 0, 0, 0xff]);
    assert.deepEqual(encode(good, "BYTES", [1]), { text: '["A"]', bytesForm: "text" });
    assert.deepEqual(encode(good, "BYTES", [1], "base64"), {
      text: '["QQ=="]',
      bytesForm: "base64",
    });
    assert.deepEqual(encode(bad, "BYTES", [1]), { text: '["/w=="]', bytesForm: "base64" });
  });

  it("refuses to write FP16, and says how to get it", () => {
    assert.throws(() => encode(Uint8Array.of(0, 0x3c), "FP16", [1]), {
      kind: "invalid-argument",
      message: /output 'y' is FP16.*"binary_data": true/,
    });
  });
});

describe("JSON with exact integers", () => {
  const parse = (text: string | Uint8Array) => parseJson(Buffer.from(text), "the request");
  const big = 9007199254740993n;
  const min = -18446744073709551615n;

  it("makes a bigint of nothing but integers beyond 2^53", () => {
    assert.deepEqual(
      parse('{"a":[9007199254740991,9007199254740993,-9007199254740993,1234567890123456.5]}'),
      { a: [9007199254740991, 9007199254740993n, -9007199254740993n, 1234567890123456.5] },
    );
    assert.deepEqual(parse("9007199254740993"), 9007199254740993n);
    assert.deepEqual(parse('["12345678901234567890", 0.1234567890123456]'), [
      "12345678901234567890",
      0.1234567890123456,
    ]);
  });

  it("does not spend time on integers that no tensor can hold", () => {
    assert.equal(parse("9".repeat(10_000_000)), Infinity);
  });

  const beside: [text: string, value: unknown][] = [
    ['["a,9007199254740993,b",1]', ["a,9007199254740993,b", 1]],
    [String.raw`["\\",9007199254740993,"\\\"",9007199254740993]`, ["\\", big, '\\"', big]],
    ['["[9007199254740993]",9007199254740993]', ["[9007199254740993]", big]],
    ['{"9007199254740993":9007199254740993}', { "9007199254740993": big }],
    ['\t{ "a" : [ -9007199254740993 , 1e15,\r\n9007199254740993\n] }', { a: [-big, 1e15, big] }],
    ["[9007199254740992,9007199254740991,-18446744073709551615]", [big - 1n, 2 ** 53 - 1, min]],
    [
      "[9007199254740993.5,9007199254740993e0,90071992547409930E-1]",
      [2 ** 53 + 2, 2 ** 53, 2 ** 53],
    ],
  ];
  for (const [text, value] of beside) {
    it(`reads ${JSON.stringify(text)}`, () => assert.deepEqual(parse(text), value));
  }

  it("takes bare words for numbers only where that was asked for", () => {
    for (const text of ["NaN", "[NaN]", '{"a":-Infinity}']) {
      assert.throws(() => parse(text), { message: /^the request is not JSON: / });
    }
    const bare = (text: string) =>
      JSON.stringify(parseJson(Buffer.from(text), "it", { bareNumbers: true }), (_key, item) =>
        typeof item === "bigint"
          ? `big ${item}`
          : item instanceof BareNumber
            ? `bare ${item}`
            : item,
      );
    assert.equal(bare("NaN"), '"bare NaN"');
    assert.equal(
      bare('{"NaN" : NaN,"a,NaN,b":["[NaN]",-Infinity,9007199254740993, Infinity]}'),
      '{"NaN":"bare NaN","a,NaN,b":["[NaN]","bare -Infinity","big 9007199254740993","bare Infinity"]}',
    );
    for (const text of [
      "{NaN:1}",
      "[NaNa]",
      "[-NaN]",
      "[+Infinity]",
      "[NaN",
      "[NaN NaN]",
      "NaN1",
    ]) {
      assert.throws(() => bare(text), { message: /^it is not JSON: / });
    }
  });

  it("keeps a key that names the prototype an ordinary one", () => {
    const value = parse('{"__proto__":{"a":9007199254740993},"b":9007199254740993}') as object;
    assert.equal(Object.getPrototypeOf(value), Object.prototype);
    assert.equal(
      JSON.stringify(value, (_key, item) => (item === big ? "big" : item)),
      '{"__proto__":{"a":"big"},"b":"big"}',
    );
  });

  it("reads arrays of any depth", () => {
    const depth = 200_000;
    let value = parse(`${"[".repeat(depth)}9007199254740993${"]".repeat(depth)}`);
    for (let level = 0; level < depth; level++) value = (value as unknown[])[0];
    assert.equal(value, big);
  });

  const malformed: [string, string | Uint8Array, RegExp][] = [
    ["nothing", "", /^the request is not JSON: /],
    ["half an object", '{"a":', /^the request is not JSON: /],
    ["what is not UTF-8", Uint8Array.of(0x22, 0xff, 0x22), /^the request is not UTF-8$/],
    ["arrays without end", `[9007199254740993,${"[".repeat(200_000)}`, /^the request is not JSON/],
    ["a long integer for a key", '{"a":1,9007199254740993:1}', /^the request is not JSON/],
    ["a long integer with a zero in front", "[09007199254740993]", /^the request is not JSON/],
    ["two long integers in a row", "[9007199254740993 9007199254740993]", /is not JSON/],
    [
      "a mistake behind a long integer",
      "[9007199254740993,x]",
      /token 'x', "\[9007199254740993,x\]"/,
    ],
  ];
  for (const [name, text, message] of malformed) {
    it(`refuses ${name}`, () => {
      assert.throws(() => parse(text), { kind: "invalid-argument", message });
    });
  }
});

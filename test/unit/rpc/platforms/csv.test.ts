import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { packTexts } from "../../../../src/base/packed-texts.ts";
import type { Datatype, Tensor, TensorSpec } from "../../../../src/base/tensor.ts";
import { encodeCsv } from "../../../../src/rpc/platforms/csv-answer.ts";
import { decodeCsvInference } from "../../../../src/rpc/platforms/csv-request.ts";
import { csvRows } from "../../../../src/rpc/platforms/csv-rows.ts";
import { encodeData } from "../../../../src/rpc/rest/json-tensor.ts";
import type { V1Model } from "../../../../src/rpc/rest/v1-request.ts";

describe("rows of CSV", () => {
  const rows = (text: string) => [...csvRows(text)];

  it("end with LF, CRLF or the text, and may be empty lines", () => {
    assert.deepEqual(rows("a,b\nc,d"), [
      ["a", "b"],
      ["c", "d"],
    ]);
    assert.deepEqual(rows("\ufeffa,b\r\n\r\nc,\r\n"), [
      ["a", "b"],
      ["c", ""],
    ]);
    assert.deepEqual(rows(",\n"), [["", ""]]);
    assert.deepEqual(rows(""), []);
  });

  it("may have quoted cells, with commas, quotes and lines in them", () => {
    assert.deepEqual(rows('"a,1","say ""no"""\n"b\r\nc" ,""\n""'), [
      ["a,1", 'say "no"'],
      ["b\r\nc", ""],
      [""],
    ]);
  });

  it("are refused where a quote is out of place", () => {
    assert.throws(() => rows('a\n"b'), {
      kind: "invalid-argument",
      message: /line 2 that does not end/,
    });
    assert.throws(() => rows('"a"b\n'), {
      message: /letters after the end of a quoted cell in line 1/,
    });
  });
});

const spec = (name: string, datatype: Datatype, shape = [-1, 1]): TensorSpec => ({
  name,
  datatype,
  shape,
});
const model = (inputs: readonly TensorSpec[], columns?: readonly string[]): V1Model => ({
  ...{ id: "m", version: "", inputs, columns, fillsColumns: false, outputs: [] },
});
const matrix = model([spec("x", "FP32", [-1, 2])]);
const table = model([spec("x", "FP32", [-1, 2])], ["age", "income"]);
const mixed = model(
  [spec("id", "INT64"), spec("plan", "BYTES"), spec("active", "BOOL")],
  ["id", "unused", "plan", "active"],
);

function read(text: string, of: V1Model, hasHeader = false) {
  const { inference } = decodeCsvInference(Buffer.from(text), of, { hasHeader });
  return inference.inputs.map((tensor) => {
    const { data } = encodeData(tensor, "text");
    return [
      tensor.name,
      tensor.shape,
      data.map((value) => (Object.is(value, Number.NaN) ? "nan" : value)),
    ];
  });
}

describe("a request in CSV", () => {
  it("has one value for each element of the only input", () => {
    assert.deepEqual(read("1,2.5\n-3e1,.5\n", matrix), [["x", [2, 2], [1, 2.5, -30, 0.5]]]);
    assert.deepEqual(read("1\n2\n", model([spec("x", "FP32", [-1])])), [["x", [2], [1, 2]]]);
    assert.deepEqual(read('a b\n"2"\n', model([spec("t", "BYTES", [-1])])), [
      ["t", [2], ["a b", "2"]],
    ]);
  });

  it("has missing and infinite values", () => {
    const values = ["nan", 1, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
    assert.deepEqual(read(",1\n-inf,Infinity\n", matrix), [["x", [2, 2], values]]);
    assert.deepEqual(read("NaN,1\nNA,2\n", matrix), [["x", [2, 2], ["nan", 1, "nan", 2]]]);
  });

  it("may name the columns, in any order", () => {
    const expected = [["x", [1, 2], [41, 10]]];
    assert.deepEqual(read("41,10\n", table), expected);
    assert.deepEqual(
      read("income,age\n10,41\n", table),
      expected,
      "the names of the model are known",
    );
    assert.deepEqual(read("income,age\n10,41\n", table, true), expected);
    assert.throws(() => read("rent,age\n10,41\n", table, true), { message: /has 'rent'/ });
  });

  it("has a column for each input, of its datatype", () => {
    const expected = [
      ["plan", [1, 1], ["7"]],
      ["active", [1, 1], [true]],
    ];
    for (const text of ["5,any,7,1\n", "5,7,true\n", "active,plan,id,unused\nTRUE,7,5,any\n"]) {
      assert.deepEqual(read(text, mixed), [["id", [1, 1], [5]], ...expected]);
    }
    const { inference } = decodeCsvInference(Buffer.from("9007199254740993,7,true\n"), mixed, {
      hasHeader: false,
    });
    const [first] = inference.inputs;
    assert.equal(Buffer.from(first?.data ?? []).readBigInt64LE(), 9007199254740993n);
  });

  it("is refused with the place that does not fit", () => {
    const cases: [text: string, of: V1Model, message: RegExp][] = [
      ["", matrix, /has no rows/],
      ["1,2\n1\n", matrix, /row 2 of the CSV has 1 cells, and the first one has 2/],
      ["1,2\n1,two\n", matrix, /row 2, column 2 of the CSV is "two", expected a number/],
      ["1,0x10\n", matrix, /column 2 of the CSV is "0x10"/],
      ["1,7,maybe\n", mixed, /column 3 of the CSV is "maybe", expected true or false/],
      ["1.5,7,true\n", mixed, /input 'id'.*is 1.5, which is not an INT64/],
    ];
    for (const [text, of, message] of cases) {
      assert.throws(() => read(text, of), { kind: "invalid-argument", message });
    }
    assert.throws(() => decodeCsvInference(Uint8Array.of(0xff), matrix, { hasHeader: false }), {
      message: /is not UTF-8/,
    });
  });
});

describe("an answer in CSV", () => {
  const fp32 = (shape: readonly number[], ...values: number[]): Tensor => ({
    ...{
      name: "y",
      datatype: "FP32",
      shape,
      data: new Uint8Array(Float32Array.from(values).buffer),
    },
  });
  const csv = (...outputs: Tensor[]) => encodeCsv({ version: "", outputs }).toString();

  it("has a line for each row, with the values of all outputs", () => {
    assert.equal(csv(fp32([2], 1.5, Number.NaN)), "1.5\nnan\n");
    assert.equal(csv(fp32([2, 1, 2], 1, 2, 3, Number.NEGATIVE_INFINITY)), "1,2\n3,-inf\n");
    const labels: Tensor = {
      name: "l",
      datatype: "BYTES",
      shape: [2],
      data: packTexts(["a,b", 'say "no"']),
    };
    assert.equal(csv(labels, fp32([2, 1], 1, 2)), '"a,b",1\n"say ""no""",2\n');
    assert.equal(csv(fp32([0, 3])), "");
  });

  it("is refused where outputs have other rows, or too many", () => {
    assert.throws(() => csv(fp32([2], 1, 2), fp32([1], 3)), {
      message: /do not have one value for each row/,
    });
    const long = { ...fp32([251, 1_000]), data: new Uint8Array(4 * 251_000) };
    assert.throws(() => csv(long), { message: /251000 elements, the limit is 250000/ });
  });
});

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { decodeElements } from "../../../../src/base/element-codec.ts";
import type { TensorSpec } from "../../../../src/base/tensor.ts";
import { decodeV1Inference, type V1Model } from "../../../../src/rpc/rest/v1-request.ts";

function modelWith(inputs: readonly TensorSpec[], changes: Partial<V1Model> = {}): V1Model {
  const usual = { id: "m", version: "", columns: undefined, fillsColumns: false, outputs: [] };
  return { ...usual, inputs, ...changes };
}

const matrix = modelWith([{ name: "input", datatype: "FP32", shape: [-1, 2] }]);
const table = { ...matrix, columns: ["age", "income"] };
const columns = modelWith([
  { name: "age", datatype: "FP64", shape: [-1, 1] },
  { name: "plan", datatype: "BYTES", shape: [-1, 1] },
]);

/** Names, datatypes, shapes and elements of what is read. */
function read(request: unknown, model: V1Model) {
  const text = typeof request === "string" ? request : JSON.stringify(request);
  const { inference } = decodeV1Inference(Buffer.from(text), model);
  return inference.inputs.map(({ name, datatype, shape, data }) => {
    return [name, datatype, shape, decodeElements(datatype, data)];
  });
}

describe("a request of V1", () => {
  it("has a value of the only input in each row", () => {
    const expected = [["input", "FP32", [2, 2], [1, 2, Number.NaN, 4]]];
    const instances = [
      [1, 2],
      [null, 4],
    ];
    assert.deepEqual(read({ instances }, matrix), expected);
    assert.deepEqual(read({ inputs: instances }, matrix), expected);
    assert.deepEqual(read('{"instances": [[1, 2], [NaN, 4]]}', matrix), expected);
    assert.deepEqual(read({ signature_name: "x", instances: [] }, matrix), [
      ["input", "FP32", [0, 2], []],
    ]);
  });

  it("may name the columns of a table", () => {
    const expected = [["input", "FP32", [2, 2], [41, 10, 52, Number.NaN]]];
    const instances = [
      { income: 10, age: 41 },
      { age: 52, income: null },
    ];
    assert.deepEqual(read({ instances }, table), expected);
    assert.deepEqual(read({ inputs: { age: [41, 52], income: [10, null] } }, table), expected);
  });

  it("has the values of several inputs by their names or in their order", () => {
    const expected = [
      ["age", "FP64", [2, 1], [41, 52]],
      ["plan", "BYTES", [2, 1], ["pro", "basic"]],
    ];
    const instances = [
      { plan: "pro", age: 41 },
      { plan: "basic", age: 52 },
    ];
    assert.deepEqual(read({ instances }, columns), expected);
    const ordered = [
      [41, "pro"],
      [52, "basic"],
    ];
    assert.deepEqual(read({ instances: ordered }, columns), expected);
    assert.deepEqual(
      read({ inputs: { age: [41, 52], plan: ["pro", "basic"] } }, columns),
      expected,
    );
  });

  it("may have columns of the table that the model does not use", () => {
    const expected = [
      ["age", "FP64", [1, 1], [41]],
      ["plan", "BYTES", [1, 1], ["pro"]],
    ];
    const model = { ...columns, columns: ["id", "plan", "age"] };
    assert.deepEqual(read({ instances: [{ id: 7, plan: "pro", age: 41 }] }, model), expected);
    assert.deepEqual(read({ instances: [[7, "pro", 41]] }, model), expected);
    assert.deepEqual(read({ inputs: { id: [7], plan: ["pro"], age: [41] } }, model), expected);
    assert.throws(() => read({ instances: [{ rent: 1, plan: "pro", age: 41 }] }, model), {
      message: /has 'rent'/,
    });
  });

  it("may have data frames in place of rows, as KServe's server takes them", () => {
    const expected = [["input", "FP32", [3, 2], [41, 10, 52, Number.NaN, 63, 12]]];
    const row = { age: 63, income: 12 };
    for (const frame of [
      { age: [41, 52], income: [10, null] },
      { income: { 0: 10, 1: null }, age: { 0: 41, 1: 52 } },
      [
        { age: 41, income: 10 },
        { income: null, age: 52 },
      ],
    ]) {
      assert.deepEqual(read({ inputs: [frame, row] }, table), expected);
    }
    const named = { ...columns, columns: ["plan", "age"] };
    assert.deepEqual(read({ instances: [{ plan: ["pro", "basic"], age: [41, 52] }] }, named), [
      ["age", "FP64", [2, 1], [41, 52]],
      ["plan", "BYTES", [2, 1], ["pro", "basic"]],
    ]);
    assert.deepEqual(read({ instances: [{ plan: { b64: "YWI=" }, age: 41 }] }, named)[1], [
      "plan",
      "BYTES",
      [1, 1],
      ["ab"],
    ]);
  });

  it("leaves lists of a model without columns as they are", () => {
    const lists = modelWith([
      { name: "x", datatype: "FP32", shape: [-1, 2] },
      { name: "y", datatype: "FP32", shape: [-1, 2] },
    ]);
    assert.deepEqual(read({ instances: [{ x: [1, 2], y: [3, 4] }] }, lists), [
      ["x", "FP32", [1, 2], [1, 2]],
      ["y", "FP32", [1, 2], [3, 4]],
    ]);
  });

  it("may lack columns where the model's server fills them", () => {
    const filled = { ...table, fillsColumns: true };
    const rows = [[{ age: 41 }, { income: 10 }]];
    assert.deepEqual(read({ inputs: rows }, filled), [
      ["input", "FP32", [2, 2], [41, Number.NaN, Number.NaN, 10]],
    ]);
    assert.throws(() => read({ inputs: [[{ rent: 1 }]] }, filled), { message: /has 'rent'/ });
  });

  it("has bytes as base64 in objects", () => {
    const image = modelWith([{ name: "image", datatype: "BYTES", shape: [-1] }]);
    assert.deepEqual(read({ instances: [{ b64: "YWI=" }, "c"] }, image), [
      ["image", "BYTES", [2], ["ab", "c"]],
    ]);
  });

  const refused: readonly [what: string, request: unknown, model: V1Model, message: RegExp][] = [
    ["no JSON", "{", matrix, /is not JSON/],
    ["a list", "[1]", matrix, /the request must be a JSON object/],
    ["no rows", {}, matrix, /must have 'instances', a list/],
    ["rows of other lengths", { instances: [[1, 2], [3]] }, matrix, /data\[1\] has 1 elements/],
    ["a text", { instances: [["a", 1]] }, matrix, /element 0 is "a", which is not an FP32/],
    ["a missing column", { instances: [{ age: 1 }] }, table, /instances\[0\] lacks 'income'/],
    [
      "an unknown column",
      { instances: [{ age: 1, income: 2, rent: 3 }] },
      table,
      /instances\[0\] has 'rent', which the model does not take/,
    ],
    [
      "a frame with columns of different lengths",
      { instances: [{ age: [1, 2], income: [3] }] },
      table,
      /instances\[0\]: the columns 'age' and 'income' have different rows/,
    ],
    [
      "rows of two forms",
      { instances: [{ age: 1, income: 2 }, [1, 2]] },
      table,
      /must be an object/,
    ],
    ["too few values", { instances: [[41]] }, columns, /one value for each input: age, plan/],
    [
      "lists of other lengths",
      { inputs: { age: [1], income: [1, 2] } },
      table,
      /different lengths/,
    ],
    ["deep lists", `{"instances":${"[".repeat(99)}1${"]".repeat(99)}}`, matrix, /lie in 99 lists/],
    ["bad base64", { instances: [{ b64: "%" }] }, columns, /lacks 'age'|has 'b64'|one value/],
  ];
  for (const [what, request, model, message] of refused) {
    it(`is refused with ${what}`, () => {
      assert.throws(() => read(request, model), { kind: "invalid-argument", message });
    });
  }

  it("is refused, not fatal, however deep its lists of texts are", () => {
    const text = modelWith([{ name: "t", datatype: "BYTES", shape: [-1] }]);
    const deep = `{"instances":[1,${"[".repeat(50_000)}1${"]".repeat(50_000)}]}`;
    assert.throws(() => read(deep, text), { kind: "invalid-argument" });
  });
});

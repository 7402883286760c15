import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  exampleText,
  parseTensor,
  tensorFromBytes,
  tensorText,
} from "../../../../src/dashboard/try/tensor-input.ts";

const spec = (shape: readonly number[], datatype = "FP32") => ({ name: "x", datatype, shape });

describe("a tensor as people write it", () => {
  it("has the shape of its lists, or takes it from the number of its elements", () => {
    assert.deepEqual(parseTensor(spec([-1, 2]), "[[1, 2], [3, 4]]").shape, [2, 2]);
    assert.deepEqual(parseTensor(spec([-1, 2]), "[1, 2, 3, 4, 5, 6]").shape, [3, 2]);
    assert.deepEqual(parseTensor(spec([-1]), "[1, 2, 3]").shape, [3]);
    assert.deepEqual(parseTensor(spec([2, -1, -1]), "[1, 2, 3, 4]").shape, [2, 2, 1]);
    assert.deepEqual(parseTensor(spec([]), "7"), { spec: spec([]), shape: [], elements: [7] });
    assert.deepEqual(parseTensor(spec([-1, 4]), "[]").shape, [0, 4]);
  });

  it("has any shape where the model takes any", () => {
    const free = { ...spec([]), hasAnyRank: true };
    assert.deepEqual(parseTensor(free, "[[1, 2], [3, 4]]").shape, [2, 2]);
    assert.deepEqual(parseTensor(free, "7").shape, []);
    assert.throws(() => parseTensor(free, "[[1, 2], [3]]"), /not all of one length/);
    assert.deepEqual(tensorFromBytes(free, new Uint8Array(8)).shape, [2]);
  });

  it("keeps integers beyond 2^53 as they were written", () => {
    const { elements } = parseTensor(
      spec([-1], "INT64"),
      "[9007199254740993, -9223372036854775808, 1]",
    );
    assert.deepEqual(elements, [9007199254740993n, -9223372036854775808n, 1]);
  });

  it("is refused with a reason if it does not fit", () => {
    for (const [text, reason] of [
      ["[1, 2", /not JSON/],
      ["[1, 2, 3]", /3 elements, expected a multiple of 2/],
      ["[[1, 2], [3]]", /not all of one length/],
      ["[[1], [2]]", /shape is \[2, 1\], expected \[-1, 2\]/],
      ["[{}, 1]", /\{\} is not a tensor element/],
    ] as const) {
      assert.throws(() => parseTensor(spec([-1, 2]), text), { message: reason }, text);
    }
    assert.throws(() => parseTensor(spec([2, 2]), "[1, 2]"), /2 elements, expected 4/);
    assert.throws(() => parseTensor(spec([-1], "INT64"), "[null]"), /null is not a tensor element/);
  });

  it("may lack values of floats", () => {
    const tensor = parseTensor(spec([-1, 2]), "[[null, 1]]");
    assert.deepEqual(tensor.elements, [Number.NaN, 1]);
    assert.equal(tensorText(tensor), "[[null, 1]]");
  });

  it("is written so that it reads the same", () => {
    const tensor = parseTensor(spec([-1, 2, 2]), "[1, 2, 3, 4, 5, 6, 7, 8]");
    assert.deepEqual(parseTensor(tensor.spec, tensorText(tensor)), tensor);
    const big = parseTensor(spec([-1], "UINT64"), "[18446744073709551615]");
    assert.equal(tensorText(big), "[18446744073709551615]");
  });

  it("starts as the smallest that fits, unless that is too long to read", () => {
    assert.equal(exampleText(spec([-1, 3])), "[[0, 0, 0]]");
    assert.equal(exampleText(spec([-1], "BYTES")), '[""]');
    assert.equal(exampleText(spec([2], "BOOL")), "[false, false]");
    assert.equal(exampleText(spec([-1, 3, 224, 224])), "");
  });

  it("may come as bytes", () => {
    const bytes = new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer);
    const { shape, elements } = tensorFromBytes(spec([-1, 2]), bytes);
    assert.deepEqual(
      [shape, elements],
      [
        [2, 2],
        [1, 2, 3, 4],
      ],
    );
  });
});

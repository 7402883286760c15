import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { checkTensorBytes, elementCount, type Tensor } from "../../../src/base/tensor.ts";

describe("the number of elements", () => {
  it("is the product of the dimensions, 1 for a scalar", () => {
    assert.equal(elementCount([], "t"), 1);
    assert.equal(elementCount([2, 3, 4], "t"), 24);
    assert.equal(elementCount([2 ** 52, 2 ** 52, 0], "t"), 0);
  });

  it("is refused when a dimension is negative or no integer, or the product too large", () => {
    for (const shape of [[-1], [1.5], [Number.NaN], [2 ** 53], [2 ** 30, 2 ** 30]]) {
      assert.throws(() => elementCount(shape, "t"), { kind: "invalid-argument" });
    }
  });
});

describe("the bytes of a BYTES tensor", () => {
  const check = (shape: number[], data: number[]) =>
    checkTensorBytes(
      { name: "t", datatype: "BYTES", shape, data: Uint8Array.from(data) } satisfies Tensor,
      "t",
    );

  it("are one length and that many bytes for each element", () => {
    check([0], []);
    check([2], [2, 0, 0, 0, 65, 66, 0, 0, 0, 0]);
  });

  it("are refused when elements are missing, cut short or left over", () => {
    assert.throws(() => check([1], []), /ends after 0 of 1/);
    assert.throws(() => check([1], [1, 0, 0]), /ends after 0 of 1/);
    assert.throws(() => check([1], [2, 0, 0, 0, 65]), /element 0 is longer/);
    assert.throws(() => check([1], [255, 255, 255, 255, 65]), /element 0 is longer/);
    assert.throws(() => check([1], [0, 0, 0, 0, 9]), /1 bytes after its 1 BYTES elements/);
    assert.throws(() => check([2 ** 50], []), /ends after 0 of/);
  });
});

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Element, encodeElements } from "../../../../src/base/element-codec.ts";
import type { Datatype, Tensor } from "../../../../src/base/tensor.ts";
import { convertTensor, isConvertible } from "../../../../src/service/tabular/convert-tensor.ts";

function tensorOf(datatype: Datatype, elements: readonly Element[]): Tensor {
  return {
    name: "x",
    datatype,
    shape: [elements.length],
    data: encodeElements(datatype, elements),
  };
}

function singles({ datatype, data }: Tensor): number[] {
  assert.equal(datatype, "FP32");
  return [...new Float32Array(data.slice().buffer)];
}

function doubles({ datatype, data }: Tensor): number[] {
  assert.equal(datatype, "FP64");
  return [...new Float64Array(data.slice().buffer)];
}

describe("the conversion of a tensor", () => {
  it("keeps what both types hold", () => {
    const cases: readonly [datatype: Datatype, elements: readonly Element[]][] = [
      ["INT8", [-128, 127]],
      ["UINT8", [0, 255]],
      ["INT16", [-32_768, 32_767]],
      ["UINT16", [65_535]],
      ["INT32", [-16_777_216, 16_777_216]],
      ["UINT32", [0, 16_777_216]],
      ["INT64", [-16_777_216n, 16_777_216n]],
      ["UINT64", [0n, 16_777_216n]],
      ["FP16", [0.5, -65_504, Number.POSITIVE_INFINITY, Number.NaN]],
      ["BF16", [0.5, -3]],
      ["FP64", [0.5, -0, Number.NEGATIVE_INFINITY, Number.NaN]],
    ];
    for (const [datatype, elements] of cases) {
      const numbers = elements.map(Number);
      assert.deepEqual(singles(convertTensor(tensorOf(datatype, elements), "FP32")), numbers);
      assert.deepEqual(doubles(convertTensor(tensorOf(datatype, elements), "FP64")), numbers);
    }
    const flags = tensorOf("BOOL", [true, false]);
    assert.deepEqual(singles(convertTensor(flags, "FP32")), [1, 0]);
  });

  it("rounds to the nearest, ties to even, and beyond the range to infinity", () => {
    const above = 1 + 2 ** -24;
    const elements = [0.1, above, above + 2 ** -50, 1 + 3 * 2 ** -24, 1e39, -1e39, 1e-46];
    assert.deepEqual(singles(convertTensor(tensorOf("FP64", elements), "FP32")), [
      Math.fround(0.1),
      1,
      1 + 2 ** -23,
      1 + 2 ** -22,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      0,
    ]);
    assert.deepEqual(
      singles(convertTensor(tensorOf("INT32", [16_777_217, 16_777_219]), "FP32")),
      [16_777_216, 16_777_220],
    );
  });

  it("rounds 64-bit integers once, not by way of a double", () => {
    // Just above halfway between two singles: the double next to it is exactly halfway.
    const half = 2n ** 62n + 2n ** 38n;
    const integers = [half + 1n, half, half - 1n, -half - 1n, 2n ** 63n - 1n, -(2n ** 63n)];
    assert.deepEqual(singles(convertTensor(tensorOf("INT64", integers), "FP32")), [
      2 ** 62 + 2 ** 39,
      2 ** 62,
      2 ** 62,
      -(2 ** 62) - 2 ** 39,
      2 ** 63,
      -(2 ** 63),
    ]);
    assert.deepEqual(
      doubles(convertTensor(tensorOf("INT64", integers), "FP64")),
      integers.map(Number),
    );
    assert.deepEqual(singles(convertTensor(tensorOf("UINT64", [2n ** 64n - 1n]), "FP32")), [
      2 ** 64,
    ]);
  });

  it("takes data that is not aligned", () => {
    const { data, ...head } = tensorOf("FP64", [1.5, 2.5]);
    const shifted = new Uint8Array(data.length + 3);
    shifted.set(data, 3);
    // Pieces of messages are Buffers, whose slices are no copies.
    for (const piece of [shifted.subarray(3), Buffer.from(shifted.buffer, 3)]) {
      const tensor = { ...head, data: piece };
      assert.deepEqual(singles(convertTensor(tensor, "FP32")), [1.5, 2.5]);
    }
  });

  it("is from numbers to floats only", () => {
    assert.equal(isConvertible("BYTES", "FP32"), false);
    assert.equal(isConvertible("FP32", "INT64"), false);
    assert.equal(isConvertible("BOOL", "FP64"), true);
  });
});

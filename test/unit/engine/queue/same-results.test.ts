import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { packTexts } from "../../../../src/base/packed-texts.ts";
import type { Datatype } from "../../../../src/base/tensor.ts";
import { differingResult } from "../../../../src/engine/queue/same-results.ts";
import type { IndexedTensor } from "../../../../src/engine/wire/host-protocol.ts";

function tensor(datatype: Datatype, elements: ArrayBufferView): IndexedTensor {
  const { buffer, byteOffset, byteLength } = elements;
  // At an odd place, as tensors may come.
  const data = new Uint8Array(byteLength + 1).subarray(1);
  data.set(new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength));
  return { index: 0, datatype, shape: [1, byteLength], data };
}

const fp32 = (...values: number[]) => tensor("FP32", Float32Array.from(values));
const fp64 = (...values: number[]) => tensor("FP64", Float64Array.from(values));
const fp16 = (...bits: number[]) => tensor("FP16", Uint16Array.from(bits));
const bf16 = (...bits: number[]) => tensor("BF16", Uint16Array.from(bits));
const int64 = (...values: bigint[]) => tensor("INT64", BigInt64Array.from(values));

describe("the results of one request, alone and among others", () => {
  it("are the same if they differ by what rounding does to their datatype", () => {
    const { NaN: nan, POSITIVE_INFINITY: infinite } = Number;
    const same: [IndexedTensor, IndexedTensor][] = [
      [fp32(1, -5000), fp32(1.00001, -5000.1)],
      [fp32(nan, infinite, 0), fp32(nan, infinite, -0)],
      [fp32(1e-20), fp32(0)],
      [fp64(1e6), fp64(1e6 + 1e-4)],
      // 1 and the next number; the greatest number; the least.
      [fp16(0x3c00), fp16(0x3c01)],
      [fp16(0x7bff), fp16(0x7bfe)],
      [fp16(0x0001), fp16(0x8001)],
      [fp16(0x7c00, 0x7e00), fp16(0x7c00, 0x7e01)],
      [bf16(0x3f80, 0x7f80), bf16(0x3f81, 0x7f80)],
      [int64(7n), int64(7n)],
    ];
    for (const [a, b] of same) assert.equal(differingResult([a], [b]), undefined);
  });

  it("differ if anything else does, integers and text by the least", () => {
    const { NaN: nan, POSITIVE_INFINITY: infinite } = Number;
    const other: [IndexedTensor[], IndexedTensor[]][] = [
      [[fp32(1)], [fp32(1.001)]],
      [[fp32(nan)], [fp32(0)]],
      [[fp32(infinite)], [fp32(-infinite)]],
      [[fp32(infinite)], [fp32(3e38)]],
      [[fp64(1)], [fp64(1.00000001)]],
      [[fp16(0x3c00)], [fp16(0x3c10)]],
      [[fp16(0x7c00)], [fp16(0x7e00)]],
      [[bf16(0x3f80)], [bf16(0x3f90)]],
      [[fp32(1)], []],
      [[fp32(1, 2)], [{ ...fp32(1, 2), shape: [2, 4] }]],
      [[int64(2n ** 60n)], [int64(2n ** 60n + 1n)]],
      [[tensor("BOOL", Uint8Array.of(1))], [tensor("BOOL", Uint8Array.of(0))]],
      [[tensor("BYTES", packTexts(["a"]))], [tensor("BYTES", packTexts(["b"]))]],
      [[tensor("BYTES", packTexts(["a"]))], [tensor("BYTES", packTexts(["ab"]))]],
    ];
    for (const [a, b] of other) assert.equal(differingResult(a, b), 0);
    assert.equal(differingResult([fp32(1), int64(1n)], [fp32(1), int64(2n)]), 1);
  });
});

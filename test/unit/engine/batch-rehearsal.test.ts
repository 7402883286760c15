import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { canJoin } from "../../../src/engine/batch-join.ts";
import { isSameResult, withStrangers } from "../../../src/engine/batch-rehearsal.ts";
import type { IndexedTensor } from "../../../src/engine/host-protocol.ts";
import { encodeStrings } from "../../../src/engine/string-tensor.ts";

function fp32(...values: number[]): IndexedTensor {
  const data = new Uint8Array(Float32Array.from(values).buffer);
  return { index: 0, datatype: "FP32", shape: [1, values.length], data };
}

describe("a rehearsal", () => {
  it("puts a request between strangers that can join it and have other values", () => {
    for (const tensor of [
      fp32(0, 0),
      fp32(1, 2),
      { index: 0, datatype: "INT64", shape: [1], data: new Uint8Array(8) },
      { index: 0, datatype: "INT64", shape: [1], data: new Uint8Array(8).fill(3) },
      { index: 0, datatype: "BOOL", shape: [1, 2], data: Uint8Array.of(0, 0) },
      { index: 0, datatype: "FP16", shape: [1, 1], data: Uint8Array.of(0, 0x3c) },
    ] satisfies IndexedTensor[]) {
      const request = { wanted: [0], tensors: [tensor] };
      const [before, same, after] = withStrangers(request);
      assert.equal(same, request);
      for (const stranger of [before, after]) {
        assert.ok(canJoin(request, stranger));
        assert.notDeepEqual(stranger.tensors[0]?.data, tensor.data);
        assert.equal(stranger.tensors[0]?.data.byteLength, tensor.data.byteLength);
      }
    }
  });

  it("leaves text well formed", () => {
    const data = encodeStrings(["a", "日本"]);
    const tensor = { index: 0, datatype: "BYTES", shape: [2], data } as const;
    const [stranger] = withStrangers({ wanted: [0], tensors: [tensor] });
    assert.deepEqual(Buffer.from(stranger.tensors[0]?.data ?? []), Buffer.from(data));
  });

  it("forgives rounding, and nothing else", () => {
    const { NaN: nan, POSITIVE_INFINITY: infinite } = Number;
    const same: [IndexedTensor, IndexedTensor][] = [
      [fp32(1, -5000), fp32(1.0000001, -5000.001)],
      [fp32(nan, infinite, 0), fp32(nan, infinite, -0)],
      [fp32(1e-20), fp32(0)],
    ];
    for (const [a, b] of same) assert.ok(isSameResult([a], [b]));
    const other: [IndexedTensor[], IndexedTensor[]][] = [
      [[fp32(1)], [fp32(1.01)]],
      [[fp32(nan)], [fp32(0)]],
      [[fp32(infinite)], [fp32(-infinite)]],
      [[fp32(1)], []],
      [[fp32(1, 2)], [{ ...fp32(1, 2), shape: [2, 1] }]],
      [
        [{ index: 0, datatype: "UINT8", shape: [1], data: Uint8Array.of(1) }],
        [{ index: 0, datatype: "UINT8", shape: [1], data: Uint8Array.of(2) }],
      ],
    ];
    for (const [a, b] of other) assert.ok(!isSameResult(a, b));
  });
});

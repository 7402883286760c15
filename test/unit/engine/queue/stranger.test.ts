import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { packTexts } from "../../../../src/base/packed-texts.ts";
import { checkTensorBytes, type Datatype } from "../../../../src/base/tensor.ts";
import { decodeStrings } from "../../../../src/engine/onnx/types/string-tensor.ts";
import { canJoin, rowsOf } from "../../../../src/engine/queue/batch-join.ts";
import { type Manner, strangerOf } from "../../../../src/engine/queue/stranger.ts";
import type { IndexedTensor } from "../../../../src/engine/wire/host-protocol.ts";

function tensor(
  datatype: Datatype,
  shape: readonly number[],
  data: ArrayBufferView,
): IndexedTensor {
  const { buffer, byteOffset, byteLength } = data;
  return {
    index: 0,
    datatype,
    shape,
    data: new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength),
  };
}

const tensors: readonly IndexedTensor[] = [
  tensor("FP64", [2, 2], Float64Array.of(0, -1.5, 1e300, 1e-300)),
  tensor("FP32", [1, 2], Float32Array.of(0, 0)),
  tensor("FP32", [2, 2], Float32Array.of(1, 2, Number.NaN, Number.POSITIVE_INFINITY)),
  tensor("FP16", [1, 2], Uint16Array.of(0x0000, 0x3c00)),
  tensor("FP16", [1], Uint16Array.of(0x0000)),
  tensor("BF16", [1, 2], Uint16Array.of(0x0000, 0x3f80)),
  tensor("INT64", [1], BigInt64Array.of(0n)),
  tensor("INT64", [1, 3], BigInt64Array.of(7n, 7n, 7n)),
  tensor("UINT64", [1], BigUint64Array.of(2n ** 64n - 1n)),
  tensor("INT32", [2, 2], Int32Array.of(-5, 5, 0, 100)),
  tensor("UINT32", [1], Uint32Array.of(9)),
  tensor("INT16", [1], Int16Array.of(-2)),
  tensor("UINT16", [1], Uint16Array.of(2)),
  tensor("INT8", [1], Int8Array.of(-128)),
  tensor("UINT8", [3, 1], Uint8Array.of(0, 0, 0)),
  tensor("BOOL", [1, 2], Uint8Array.of(0, 0)),
  tensor("BYTES", [2], packTexts(["a", "日本"])),
  tensor("BYTES", [1, 2], packTexts(["", "42"])),
];
const manners: readonly Manner[] = ["changed", "shuffled", "repeated"];

function valuesOf({ datatype, data }: IndexedTensor): (number | bigint | string)[] {
  const { buffer } = new Uint8Array(data);
  if (datatype === "BYTES") return decodeStrings(data, "x");
  const View = { INT64: BigInt64Array, UINT64: BigUint64Array, INT32: Int32Array }[
    datatype as "INT64"
  ];
  return [...new (View ?? { INT8: Int8Array, INT16: Int16Array }[datatype as "INT8"])(buffer)];
}

describe("a stranger", () => {
  it("can join the request that it is made of, whatever its datatype and its rows", () => {
    for (const each of tensors) {
      const request = { wanted: [1, 0], tensors: [each] };
      for (const manner of manners) {
        for (const rows of [1, 2, 5]) {
          const stranger = strangerOf(request, { rows, manner, seed: rows, isExtreme: rows === 2 });
          assert.ok(canJoin(request, stranger), `${each.datatype} ${manner}`);
          assert.equal(rowsOf(stranger), rows);
          const [made] = stranger.tensors as [IndexedTensor];
          checkTensorBytes({ ...made, name: "x" }, `${each.datatype} [${made.shape}] ${manner}`);
        }
      }
    }
  });

  it("is not all zeros where values are changed, unless it is to be extreme, and then is not the same", () => {
    for (const each of tensors.filter(({ data }) => data.byteLength > 0)) {
      const make = (isExtreme: boolean, seed: number) => {
        const parts = { rows: each.shape[0] ?? 1, manner: "changed", isExtreme, seed } as const;
        return strangerOf({ wanted: [0], tensors: [each] }, parts).tensors[0]?.data as Uint8Array;
      };
      const what = `${each.datatype} of ${each.data}`;
      for (let seed = 0; seed < 8; seed++) {
        assert.ok(
          make(false, seed).some((byte) => byte !== 0),
          what,
        );
        const isSame = Buffer.compare(make(true, seed), each.data) === 0;
        assert.ok(!isSame || each.shape[0] !== 1, what);
      }
    }
  });

  it("has integers no further from zero than the request has, but for a 1 among zeros", () => {
    const values = [3n, 40n, -7n, 0n];
    const request = { wanted: [0], tensors: [tensor("INT64", [4], BigInt64Array.from(values))] };
    for (let seed = 0; seed < 50; seed++) {
      const stranger = strangerOf(request, { rows: 9, manner: "changed", isExtreme: false, seed });
      for (const value of valuesOf(stranger.tensors[0] as IndexedTensor)) {
        assert.ok([0n, 2n, 3n, 39n, 40n, -6n, -7n].includes(value as bigint), `${value}`);
      }
    }
  });

  it("has only values of the request where these are shuffled, and its rows where they are repeated", () => {
    const request = {
      wanted: [0],
      tensors: [tensor("INT32", [2, 2], Int32Array.of(1, 2, 30, 40))],
    };
    const shuffled = strangerOf(request, {
      rows: 20,
      manner: "shuffled",
      isExtreme: true,
      seed: 3,
    });
    assert.deepEqual(
      new Set(valuesOf(shuffled.tensors[0] as IndexedTensor)),
      new Set([1, 2, 30, 40]),
    );
    const repeated = strangerOf(request, { rows: 3, manner: "repeated", isExtreme: true, seed: 3 });
    assert.deepEqual(valuesOf(repeated.tensors[0] as IndexedTensor), [1, 2, 30, 40, 1, 2]);
  });

  it("keeps the size of numbers, and text that is a number a number", () => {
    const fp32 = tensor("FP32", [1, 1], Float32Array.of(-1000));
    const text = tensor("BYTES", [1], packTexts(["199"]));
    for (let seed = 0; seed < 50; seed++) {
      const parts = { rows: 1, manner: "changed", isExtreme: false, seed } as const;
      const made = strangerOf({ wanted: [0], tensors: [fp32, text] }, parts).tensors;
      const [number] = new Float32Array((made[0]?.data ?? new Uint8Array(4)).buffer as ArrayBuffer);
      assert.ok((number ?? 0) <= -512 && (number ?? 0) > -1024 && number !== -1000, `${number}`);
      const [digits] = valuesOf(made[1] as IndexedTensor);
      assert.match(`${digits}`, /^\d{3}$/);
      assert.notEqual(digits, "199");
    }
  });
});

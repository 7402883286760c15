import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { packTexts } from "../../../../src/base/packed-texts.ts";
import {
  canJoin,
  joinRequests,
  type RunRequest,
  rowsOf,
  splitResults,
} from "../../../../src/engine/queue/batch-join.ts";
import type { IndexedTensor } from "../../../../src/engine/wire/host-protocol.ts";

function tensor(shape: readonly number[], options: Partial<IndexedTensor> = {}): IndexedTensor {
  const count = shape.reduce((a, b) => a * b, 1);
  return { index: 0, datatype: "UINT8", shape, data: new Uint8Array(count).fill(7), ...options };
}

function request(...tensors: IndexedTensor[]): RunRequest {
  return { wanted: [0], tensors };
}

describe("rows", () => {
  it("of a request are those that all of its tensors have", () => {
    assert.equal(rowsOf(request(tensor([3, 2]), tensor([3]))), 3);
    assert.equal(rowsOf(request(tensor([3, 2]), tensor([2, 3]))), undefined);
    assert.equal(rowsOf(request(tensor([0, 2]))), undefined);
    assert.equal(rowsOf(request(tensor([2, 2]), tensor([2, 0]))), undefined);
    assert.equal(rowsOf(request(tensor([]))), undefined);
    assert.equal(rowsOf(request()), undefined);
  });

  it("of a big request are not joined with others", () => {
    assert.equal(rowsOf(request(tensor([1, 2 ** 21]))), 1);
    assert.equal(rowsOf(request(tensor([1, 2 ** 21 + 1]))), undefined);
  });
});

describe("two requests", () => {
  const one = request(tensor([1, 4]), tensor([1], { index: 1, datatype: "BYTES" }));
  it("join with different numbers of rows", () => {
    const other = request(tensor([5, 4]), tensor([5], { index: 1, datatype: "BYTES" }));
    assert.equal(canJoin(one, other), true);
  });

  for (const [what, other] of [
    ["another dimension", request(tensor([1, 5]), tensor([1], { index: 1, datatype: "BYTES" }))],
    ["another rank", request(tensor([1, 4, 1]), tensor([1], { index: 1, datatype: "BYTES" }))],
    ["another datatype", request(tensor([1, 4]), tensor([1], { index: 1, datatype: "BOOL" }))],
    ["another input", request(tensor([1, 4]), tensor([1], { index: 2, datatype: "BYTES" }))],
    ["fewer inputs", request(tensor([1, 4]))],
    ["other outputs", { ...one, wanted: [1] }],
    ["more outputs", { ...one, wanted: [0, 1] }],
    ["outputs in another order", { ...one, wanted: [1, 0] }],
  ] as const) {
    it(`do not join with ${what}`, () => {
      const first = what === "outputs in another order" ? { ...one, wanted: [0, 1] } : one;
      assert.equal(canJoin(first, other), false);
      assert.equal(canJoin(other, first), false);
    });
  }
});

describe("a batch", () => {
  it("has the bytes of its requests in their order, not copied", () => {
    const requests = [request(tensor([1, 2])), request(tensor([3, 2]))];
    const [joined] = joinRequests(requests, 4);
    assert.deepEqual(joined?.shape, [4, 2]);
    assert.equal(joined?.parts[0], requests[0]?.tensors[0]?.data);
    assert.equal(joined?.parts[1], requests[1]?.tensors[0]?.data);
  });

  it("gives each request its own rows of every output", () => {
    const data = Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 7);
    const strings = packTexts(["a", "", "ccc", "日本"]);
    const results = splitResults(
      [tensor([4, 2], { data }), tensor([4, 1], { index: 1, datatype: "BYTES", data: strings })],
      [1, 3],
    );
    assert.deepEqual(results, [
      [
        tensor([1, 2], { data: Uint8Array.of(0, 1) }),
        tensor([1, 1], { index: 1, datatype: "BYTES", data: packTexts(["a"]) }),
      ],
      [
        tensor([3, 2], { data: Uint8Array.of(2, 3, 4, 5, 6, 7) }),
        tensor([3, 1], { index: 1, datatype: "BYTES", data: packTexts(["", "ccc", "日本"]) }),
      ],
    ]);
  });

  it("cannot be split if an output has not a row for each row of the inputs", () => {
    assert.equal(splitResults([tensor([4]), tensor([1, 4])], [1, 3]), undefined);
    assert.equal(splitResults([tensor([])], [1, 3]), undefined);
  });

  it("keeps outputs that are empty beyond their rows", () => {
    const results = splitResults([tensor([3, 0])], [1, 2]);
    assert.deepEqual(
      results?.map(([output]) => output?.shape),
      [
        [1, 0],
        [2, 0],
      ],
    );
  });
});

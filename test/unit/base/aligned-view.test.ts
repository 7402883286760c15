import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { alignedView, bytesOf } from "../../../src/base/aligned-view.ts";

describe("a view of elements", () => {
  const values = Float64Array.of(1.5, -2);

  it("shares aligned bytes", () => {
    const view = alignedView(bytesOf(values), Float64Array);
    assert.deepEqual(view, values);
    assert.equal(view.buffer, values.buffer);
  });

  it("copies bytes that begin between two elements, Buffers too", () => {
    const odd = Buffer.concat([Buffer.alloc(1), bytesOf(values)]).subarray(1);
    for (const data of [odd, new Uint8Array(odd.buffer, odd.byteOffset, odd.length)]) {
      const view = alignedView(data, Float64Array);
      assert.deepEqual(view, values);
      assert.notEqual(view.buffer, data.buffer);
    }
  });
});

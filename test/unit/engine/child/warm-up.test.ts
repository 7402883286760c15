import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Tensor, TensorSpec } from "../../../../src/base/tensor.ts";
import { warmUp, zeroInputs } from "../../../../src/engine/child/warm-up.ts";
import type { HostModel } from "../../../../src/engine/contract/host-engine.ts";

/** Records the rows of its runs; `run` is what each does. */
function modelOf(
  inputs: readonly TensorSpec[],
  run: (inputs: readonly Tensor[]) => void = () => {},
): HostModel & { readonly rows: (number | undefined)[] } {
  const rows: (number | undefined)[] = [];
  return {
    inputs,
    outputs: [{ name: "y", datatype: "FP32", shape: [-1] }],
    rows,
    run(tensors, outputs) {
      assert.deepEqual(outputs, ["y"]);
      rows.push(tensors[0]?.shape[0]);
      run(tensors);
      return [];
    },
    release() {},
  };
}

const varying: TensorSpec = { name: "x", datatype: "FP32", shape: [-1, 4] };

describe("a warm-up", () => {
  it("runs one row, then twice as many as asked for", async () => {
    const model = modelOf([varying]);
    assert.deepEqual(await warmUp(model, 3), { tag: "warmed", rows: 3 });
    assert.deepEqual(model.rows, [1, 3, 3]);
  });

  it("runs a model of one shape in that shape", async () => {
    const model = modelOf([{ ...varying, shape: [2, 4] }]);
    assert.deepEqual(await warmUp(model, 64), { tag: "warmed", rows: 1 });
    assert.deepEqual(model.rows, [2, 2, 2]);
  });

  it("that fails says why and does not throw", async () => {
    const model = modelOf([varying], () => {
      throw new Error("no zeros here");
    });
    assert.deepEqual(await warmUp(model, 8), { tag: "failed", reason: "no zeros here" });
  });

  it("counts for one row if several are refused", async () => {
    const model = modelOf([varying], ([x]) => assert.equal(x?.shape[0], 1));
    assert.deepEqual(await warmUp(model, 8), { tag: "warmed", rows: 1 });
  });

  it("is left out where the inputs would be huge", async () => {
    const model = modelOf([{ ...varying, shape: [-1, 2 ** 26] }]);
    assert.equal((await warmUp(model, 8)).tag, "skipped");
    assert.deepEqual(model.rows, []);
  });

  it("is left out where nobody knows how many dimensions an input has", async () => {
    const model = modelOf([{ ...varying, shape: [], hasAnyRank: true }]);
    assert.deepEqual(await warmUp(model, 8), {
      tag: "skipped",
      reason: "its input 'x' has no shape to make zeros of",
    });
    assert.deepEqual(model.rows, []);
  });

  it("leaves out what requests may leave out", async () => {
    const given: number[] = [];
    const optional: TensorSpec = { name: "k", datatype: "FP32", shape: [-1], isOptional: true };
    const model = modelOf([varying, optional], (inputs) => given.push(inputs.length));
    assert.deepEqual(await warmUp(model, 8), { tag: "warmed", rows: 8 });
    assert.deepEqual(given, [1, 1, 1]);
  });
});

describe("inputs of zeros", () => {
  it("have the fixed dimensions as they are, the first as asked, others that vary as 16", () => {
    const specs: TensorSpec[] = [
      { name: "a", datatype: "FP16", shape: [-1, 3, -1] },
      { name: "b", datatype: "BYTES", shape: [2] },
      { name: "c", datatype: "INT64", shape: [] },
    ];
    assert.deepEqual(zeroInputs(specs, 5), [
      { name: "a", datatype: "FP16", shape: [5, 3, 16], data: new Uint8Array(5 * 3 * 16 * 2) },
      { name: "b", datatype: "BYTES", shape: [2], data: new Uint8Array(8) },
      { name: "c", datatype: "INT64", shape: [], data: new Uint8Array(8) },
    ]);
  });
});

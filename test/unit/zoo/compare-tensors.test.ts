import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Datatype } from "../../../src/base/tensor.ts";
import { packElements, type TensorElement } from "../../support/models/tensor-elements.ts";
import { compareAnswers } from "../../zoo/compare-tensors.ts";
import type { ZooTensor } from "../../zoo/zoo-tensor.ts";

function tensor(datatype: Datatype, elements: readonly TensorElement[], name = "y"): ZooTensor {
  return { name, datatype, shape: [elements.length], data: packElements(datatype, elements) };
}

const bytes = { random: false, tellsNonFinite: true };
const json = { random: false, tellsNonFinite: false };

function likeness(expected: ZooTensor, answer: ZooTensor, comparison = bytes): string {
  return compareAnswers([expected], [answer], comparison).kind;
}

describe("an answer beside the expected one", () => {
  it("is equal to the last bit, close within the tolerance, else different", () => {
    const expected = tensor("FP32", [1, 1000]);
    assert.equal(likeness(expected, tensor("FP32", [1, 1000])), "equal");
    assert.equal(likeness(expected, tensor("FP32", [1, 1000.5])), "close");
    assert.equal(likeness(expected, tensor("FP32", [1, 1002])), "different");
    assert.equal(likeness(tensor("FP16", [0x3c00]), tensor("FP16", [0x3c01])), "close");
    assert.equal(likeness(tensor("FP16", [0x3c00]), tensor("FP16", [0x3d00])), "different");
    assert.equal(likeness(tensor("BF16", [0x3f80]), tensor("BF16", [0x3f90])), "different");
  });

  it("has no tolerance for integers, booleans and text", () => {
    assert.equal(
      likeness(tensor("INT64", [10n ** 15n]), tensor("INT64", [10n ** 15n + 1n])),
      "different",
    );
    assert.equal(likeness(tensor("BOOL", [true]), tensor("BOOL", [false])), "different");
    assert.equal(likeness(tensor("BYTES", ["a", "b"]), tensor("BYTES", ["a", "c"])), "different");
    assert.equal(likeness(tensor("BYTES", ["a", "b"]), tensor("BYTES", ["a", "b"])), "equal");
  });

  it("is different in name, datatype, shape or number of outputs", () => {
    const expected = tensor("FP32", [1]);
    assert.equal(likeness(expected, tensor("FP32", [1], "z")), "different");
    assert.equal(likeness(expected, tensor("FP64", [1])), "different");
    assert.equal(likeness(expected, { ...expected, shape: [1, 1] }), "different");
    assert.equal(compareAnswers([expected], [], bytes).kind, "different");
    assert.equal(compareAnswers([expected], [expected, expected], bytes).kind, "different");
  });

  it("takes one NaN for another, and in JSON for an infinity, but never for a number", () => {
    const { NaN: none, POSITIVE_INFINITY: above } = Number;
    const quiet = tensor("FP32", [none]);
    const other = { ...quiet, data: new Uint8Array([1, 0, 0xc0, 0xff]) };
    assert.equal(likeness(quiet, other), "equal");
    assert.equal(likeness(tensor("FP32", [above]), quiet), "different");
    assert.equal(likeness(tensor("FP32", [above]), quiet, json), "equal");
    assert.equal(likeness(tensor("FP32", [1]), quiet, json), "different");
    const narrow = { ...tensor("UINT8", [0x7f]), nanCodes: [0x7f, 0xff] };
    assert.equal(likeness(narrow, tensor("UINT8", [0xff])), "equal");
    assert.equal(likeness(narrow, tensor("UINT8", [0x7e])), "different");
  });

  it("may have any values where they are random, but not another shape", () => {
    const random = { ...bytes, random: true };
    assert.equal(likeness(tensor("FP32", [1]), tensor("FP32", [9]), random), "equal");
    assert.equal(likeness(tensor("FP32", [1]), tensor("FP32", [1, 2]), random), "different");
  });
});

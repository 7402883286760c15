import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { decodeElements, encodeElements } from "../../../src/base/element-codec.ts";
import type { Datatype, Tensor } from "../../../src/base/tensor.ts";
import { classify, fixed } from "../../../src/service/classification.ts";

function tensor(datatype: Datatype, shape: number[], values: (number | bigint)[]): Tensor {
  return { name: "y", datatype, shape, data: encodeElements(datatype, values) };
}

function classes(of: Tensor, count: number, isBatched: boolean, labels?: string[]) {
  const { name, datatype, shape, data } = classify(of, { count, labels, isBatched });
  assert.deepEqual([name, datatype], ["y", "BYTES"]);
  return { shape, elements: decodeElements("BYTES", data) };
}

describe("the classes of an output", () => {
  const scores = tensor("FP32", [2, 3], [0.25, 0.5, 0.125, -1, 3, 7]);

  it("are the greatest of each row, as score and index", () => {
    assert.deepEqual(classes(scores, 2, true), {
      shape: [2, 2],
      elements: ["0.500000:1", "0.250000:0", "7.000000:2", "3.000000:1"],
    });
  });

  it("are the greatest of all where there are no rows", () => {
    assert.deepEqual(classes(scores, 2, false), {
      shape: [2],
      elements: ["7.000000:5", "3.000000:4"],
    });
  });

  it("are no more than there are", () => {
    assert.deepEqual(classes(scores, 9, true).shape, [2, 3]);
    assert.deepEqual(classes(tensor("FP32", [0, 3], []), 2, true), { shape: [0, 2], elements: [] });
    assert.deepEqual(classes(tensor("FP32", [2, 0], []), 2, true), { shape: [2, 0], elements: [] });
    assert.deepEqual(classes(tensor("FP64", [], [3]), 2, true), {
      shape: [1],
      elements: ["3.000000:0"],
    });
  });

  it("have names where there are some", () => {
    assert.deepEqual(classes(scores, 3, true, ["rose", "lily"]).elements.slice(0, 3), [
      "0.500000:1:lily",
      "0.250000:0:rose",
      "0.125000:2",
    ]);
  });

  it("are integers where the elements are", () => {
    const long = tensor("INT64", [1, 3], [2n ** 60n + 1n, -(2n ** 60n), 2n ** 60n]);
    assert.deepEqual(classes(long, 3, true).elements, [
      `${2n ** 60n + 1n}:0`,
      `${2n ** 60n}:2`,
      `-${2n ** 60n}:1`,
    ]);
    assert.deepEqual(classes(tensor("UINT8", [3], [1, 9, 4]), 1, false).elements, ["9:1"]);
  });

  it("come in the order of their indexes where they are equal, and NaN comes last", () => {
    const mixed = [1, Number.NaN, 2, 1, 2, Number.NEGATIVE_INFINITY];
    for (const length of [6, 120]) {
      const values = Array.from({ length }, (_, at) => mixed[at] ?? Number.NEGATIVE_INFINITY);
      const { elements } = classes(tensor("FP64", [1, length], values), length, true);
      const indexes = elements.map((element) => Number(String(element).split(":")[1]));
      assert.deepEqual(indexes.slice(0, 5), [2, 4, 0, 3, 5]);
      assert.equal(indexes.at(-1), 1);
    }
  });

  it("are refused where elements are not numbers", () => {
    for (const datatype of ["BYTES", "BOOL"] as const) {
      const data = new Uint8Array();
      assert.throws(
        () =>
          classify(
            { name: "y", datatype, shape: [0], data },
            { count: 1, labels: undefined, isBatched: false },
          ),
        { kind: "invalid-argument", message: /output 'y' is .*, which has no classes/ },
      );
    }
  });

  it("have scores as C writes them", () => {
    // From printf("%f").
    for (const [value, text] of [
      [0.1, "0.100000"],
      [1 / 128, "0.007812"],
      [3 / 128, "0.023438"],
      [-1 / 128, "-0.007812"],
      [129 / 128, "1.007812"],
      [-0, "-0.000000"],
      [-1e-9, "-0.000000"],
      [1e22, "10000000000000000000000.000000"],
      [123456789.1234565, "123456789.123456"],
      [Number.NaN, "nan"],
      [Number.POSITIVE_INFINITY, "inf"],
      [Number.NEGATIVE_INFINITY, "-inf"],
    ] as const) {
      assert.equal(fixed(value), text);
    }
  });
});

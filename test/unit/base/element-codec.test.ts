import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { decodeElements, type Element, encodeElements } from "../../../src/base/element-codec.ts";

const hex = (datatype: string, ...elements: Element[]) =>
  Buffer.from(encodeElements(datatype, elements)).toString("hex");

describe("the elements of tensors", () => {
  it("are little-endian, and of the width of their datatype", () => {
    assert.equal(hex("INT32", -2), "feffffff");
    assert.equal(hex("UINT16", 258), "0201");
    assert.equal(hex("INT64", -1n, 1), "ffffffffffffffff0100000000000000");
    assert.equal(hex("UINT64", 2n ** 64n - 1n), "ffffffffffffffff");
    assert.equal(hex("FP32", 1.5), "0000c03f");
    assert.equal(hex("BOOL", true, false), "0100");
    assert.equal(hex("BYTES", "é", ""), "02000000c3a900000000");
  });

  it("of FP16 and BF16 are rounded to the nearest, ties to even", () => {
    for (const [value, bits] of [
      [0, "0000"],
      [-0, "0080"],
      [1, "003c"],
      [-2, "00c0"],
      [65504, "ff7b"],
      [65519, "ff7b"],
      [65520, "007c"],
      [2 ** -14, "0004"],
      [2 ** -24, "0100"],
      [2 ** -25, "0000"],
      [3 * 2 ** -25, "0200"],
      [2 ** -14 - 2 ** -26, "0004"],
      [1 + 2 ** -11, "003c"],
      [1 + 3 * 2 ** -11, "023c"],
      [2 - 2 ** -12, "0040"],
      [Number.NEGATIVE_INFINITY, "00fc"],
    ] as const) {
      assert.equal(hex("FP16", value), bits, `${value}`);
    }
    assert.equal(hex("BF16", 1.5), "c03f");
    assert.equal(hex("BF16", 1 + 2 ** -8), "803f");
    assert.equal(hex("BF16", 1 + 3 * 2 ** -8), "823f");
  });

  it("of FP16 come back as they were, all of them", () => {
    for (let bits = 0; bits < 0x1_0000; bits++) {
      const bytes = Uint8Array.of(bits & 0xff, bits >> 8);
      const [value] = decodeElements("FP16", bytes);
      if (Number.isNaN(value)) continue;
      assert.deepEqual(encodeElements("FP16", [value ?? 0]), bytes, `${bits}`);
    }
  });

  it("come back as they were", () => {
    const kinds: readonly (readonly [string, fc.Arbitrary<Element>])[] = [
      ["INT8", fc.integer({ min: -128, max: 127 })],
      ["UINT32", fc.integer({ min: 0, max: 2 ** 32 - 1 })],
      ["INT64", fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })],
      ["FP32", fc.float({ noNaN: true })],
      ["FP64", fc.double({ noNaN: true })],
      ["BYTES", fc.string({ unit: "grapheme" })],
    ];
    for (const [datatype, arbitrary] of kinds) {
      fc.assert(
        fc.property(fc.array(arbitrary), (elements) => {
          assert.deepEqual(decodeElements(datatype, encodeElements(datatype, elements)), elements);
        }),
        { numRuns: 50 },
      );
    }
  });

  it("that do not fit are refused, never wrapped or cut", () => {
    for (const [datatype, element] of [
      ["UINT8", 256],
      ["INT8", -129],
      ["INT32", 1.5],
      ["INT64", 0.5],
      ["UINT64", -1],
      ["INT64", 2n ** 63n],
      ["FP32", "1"],
      ["FP32", true],
      ["COMPLEX", 1],
    ] as const) {
      assert.throws(() => encodeElements(datatype, [element]), Error, `${datatype} ${element}`);
    }
    assert.throws(
      () => decodeElements("FP32", new Uint8Array(6)),
      /6 bytes are not a whole number/,
    );
  });
});

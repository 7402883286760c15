import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Bitmap, imageInputOf, shrink } from "../../../../src/dashboard/try/image-input.ts";

const of = (shape: readonly number[], datatype = "FP32") =>
  imageInputOf({ name: "x", datatype, shape });

/** A white rectangle on black. */
function bitmap(
  side: number,
  box: { left: number; top: number; width: number; height: number },
): Bitmap {
  const ink = new Uint8ClampedArray(side * side);
  for (let y = box.top; y < box.top + box.height; y++) {
    ink.fill(255, y * side + box.left, y * side + box.left + box.width);
  }
  return { side, ink };
}

describe("an input that takes a picture", () => {
  it("ends in two equal dimensions, all others 1 or free, or is flat in the usual size", () => {
    assert.deepEqual(of([-1, 1, 8, 8]), { side: 8, fullInk: 16 });
    assert.deepEqual(of([28, 28]), { side: 28, fullInk: 1 });
    assert.deepEqual(of([-1, 28, 28], "UINT8"), { side: 28, fullInk: 255 });
    assert.deepEqual(of([-1, 784]), { side: 28, fullInk: 1 });
    for (const shape of [
      [-1, 4],
      [-1, 3, 32, 32],
      [-1, 8, 9],
      [2, 2],
      [-1, 224, 224],
      [-1, 64],
      [],
    ]) {
      assert.equal(of(shape), undefined, `[${shape}]`);
    }
    assert.equal(of([-1, 28, 28], "BYTES"), undefined);
    assert.equal(of([-1, 28, 28], "BOOL"), undefined);
  });
});

describe("a drawing that is shrunk", () => {
  const image = { side: 8, fullInk: 16 };

  it("has in each cell the share of its area that is ink", () => {
    const values = shrink(bitmap(64, { left: 0, top: 0, width: 12, height: 8 }), image, false);
    assert.deepEqual(values.slice(0, 3), [16, 8, 0]);
    assert.equal(
      values.reduce((sum, value) => sum + value),
      24,
    );
  });

  it("fills the frame, wherever and however large it was drawn", () => {
    const small = shrink(bitmap(64, { left: 50, top: 4, width: 4, height: 16 }), image, true);
    const large = shrink(bitmap(64, { left: 8, top: 0, width: 16, height: 64 }), image, true);
    assert.deepEqual(small, large);
    assert.deepEqual(small.slice(0, 8), [0, 0, 0, 16, 16, 0, 0, 0]);
    assert.deepEqual(small.slice(56), [0, 0, 0, 16, 16, 0, 0, 0]);
  });

  it("has the margin of larger pictures", () => {
    const values = shrink(
      bitmap(280, { left: 0, top: 0, width: 20, height: 200 }),
      { side: 28, fullInk: 1 },
      true,
    );
    const rows = Array.from({ length: 28 }, (_, y) =>
      values.slice(28 * y, 28 * y + 28).some((value) => value > 0),
    );
    assert.deepEqual([rows.indexOf(true), rows.lastIndexOf(true)], [4, 23]);
  });

  it("is empty if nothing was drawn", () => {
    assert.deepEqual(
      new Set(shrink(bitmap(64, { left: 0, top: 0, width: 0, height: 0 }), image, true)),
      new Set([0]),
    );
  });
});

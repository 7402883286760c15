import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { everyElement, packElements, unpackElements } from "../../../src/base/bytes-elements.ts";
import { packTexts } from "../../../src/base/packed-texts.ts";

describe("BYTES elements", () => {
  const contents = [Buffer.from("a"), Buffer.alloc(0), Buffer.from([0xff, 0]), Buffer.alloc(300)];

  it("are a little-endian length and the content, and come back as they were", () => {
    assert.deepEqual([...packElements(contents.slice(0, 2))], [1, 0, 0, 0, 97, 0, 0, 0, 0]);
    assert.deepEqual(unpackElements(Buffer.from(packElements(contents))), contents);
    assert.deepEqual(unpackElements(new Uint8Array()), []);
  });

  it("are read in place where the bytes begin anywhere in their buffer", () => {
    const packed = Buffer.concat([Buffer.from([9]), packElements(contents)]).subarray(1);
    const elements = unpackElements(packed);
    assert.deepEqual(elements, contents);
    assert.ok(elements.every((element) => element.buffer === packed.buffer));
  });

  it("are walked up to the first that is not accepted", () => {
    const seen: number[] = [];
    const isShort = (start: number, end: number) => {
      seen.push(end - start);
      return end - start < 2;
    };
    assert.equal(everyElement(packElements(contents), isShort), false);
    assert.deepEqual(seen, [1, 0, 2]);
  });

  it("are packed from texts and bytes alike", () => {
    const packed = packTexts(["zwölf", Uint8Array.of(1, 2), ""]);
    assert.deepEqual(
      packed,
      Buffer.from(packElements([Buffer.from("zwölf"), Uint8Array.of(1, 2), Buffer.alloc(0)])),
    );
  });
});

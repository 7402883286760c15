import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { deflateRawSync } from "node:zlib";
import { ZipEntries } from "../../../../../src/engine/translator/pickle/zip-entries.ts";
import { zipOf } from "../../../../support/trees/zip-writer.ts";

const text = Buffer.from("content ".repeat(100));

describe("ZipEntries", () => {
  it("reads files that are stored, and ones that are deflated", () => {
    const archive = new ZipEntries(
      zipOf({ "a.npy": text, "b.npy": { packed: deflateRawSync(text), bytes: text.length } }),
    );
    assert.ok(archive.has("a.npy") && archive.has("b.npy") && !archive.has("c.npy"));
    assert.deepEqual(Buffer.from(archive.read("a.npy")), text);
    assert.deepEqual(Buffer.from(archive.read("b.npy")), text);
    assert.throws(() => archive.read("c.npy"), /has no file 'c\.npy'/);
  });

  it("reads no more than its limit, however often a small file is read", () => {
    const packed = deflateRawSync(new Uint8Array(1_000_000));
    const archive = new ZipEntries(zipOf({ a: { packed, bytes: 1_000_000 } }), 3_500_000);
    assert.ok(packed.length < 2000);
    for (let round = 0; round < 3; round++) assert.equal(archive.read("a").length, 1_000_000);
    assert.throws(() => archive.read("a"), {
      kind: "invalid-argument",
      message: /unpacks to more/,
    });
  });

  it("refuses a file that unpacks to more or less than it says", () => {
    const packed = deflateRawSync(new Uint8Array(1000));
    for (const bytes of [0, 999, 1001]) {
      const archive = new ZipEntries(zipOf({ a: { packed, bytes } }));
      assert.throws(() => archive.read("a"), /cut short or damaged/);
    }
  });

  it("refuses what is cut short, and what has no end", () => {
    const file = zipOf({ a: text });
    for (const length of [0, 4, 21, file.length - 1]) {
      assert.throws(() => new ZipEntries(file.subarray(0, length)), /cut short or damaged/);
    }
    // Text instead of the directory's end.
    assert.throws(() => new ZipEntries(new Uint8Array(70_000).fill(0x50)), /cut short or damaged/);
  });
});

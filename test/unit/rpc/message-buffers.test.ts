import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MessageBuffers } from "../../../src/rpc/message-buffers.ts";

const mebibyte = 1024 * 1024;

describe("buffers for messages", () => {
  it("have the size that was asked for", () => {
    const buffers = new MessageBuffers();
    for (const sizeBytes of [0, 1, 65_535, 65_536, 65_537, 600_000, 5 * mebibyte]) {
      assert.equal(buffers.take(sizeBytes).length, sizeBytes);
    }
  });

  it("are used again after they were given back, for sizes near their own", () => {
    const buffers = new MessageBuffers();
    const first = buffers.take(600_000);
    buffers.giveBack(first);
    const second = buffers.take(600_001);
    assert.equal(second.buffer, first.buffer);
    assert.equal(second.length, 600_001);
    assert.equal(buffers.idleBytes, 0);
  });

  it("belong to one at a time", () => {
    const buffers = new MessageBuffers();
    buffers.giveBack(buffers.take(600_000));
    assert.notEqual(buffers.take(600_000).buffer, buffers.take(600_000).buffer);
  });

  it("are not kept if they are small or very large", () => {
    const buffers = new MessageBuffers();
    for (const sizeBytes of [100, 60_000, 5 * mebibyte]) buffers.giveBack(buffers.take(sizeBytes));
    assert.equal(buffers.idleBytes, 0);
  });

  it("are kept up to 32 MiB, those of sizes in use before others", () => {
    const buffers = new MessageBuffers();
    const old = Array.from({ length: 16 }, () => buffers.take(mebibyte));
    const recent = Array.from({ length: 12 }, () => buffers.take(2 * mebibyte));
    for (const buffer of [...old, ...recent]) buffers.giveBack(buffer);
    assert.equal(buffers.idleBytes, 32 * mebibyte);
    const known = new Set(recent.map(({ buffer }) => buffer));
    for (const _ of recent) assert.ok(known.has(buffers.take(2 * mebibyte).buffer));
    assert.equal(buffers.idleBytes, 8 * mebibyte);
  });
});
